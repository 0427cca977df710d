// The sandbox's key figures.
import type { SandboxKpis as Kpis } from "@/api/developer";
import { useMessages } from "@/i18n";
import { timestampUs } from "@/lib/timestamp";
import { useFormat } from "@/lib/use-format";

export function SandboxKpis({ kpis }: { kpis: Kpis }) {
  const t = useMessages();
  const format = useFormat();
  const at = (text: string | null) => (text === null ? t.none : format.dateTime(timestampUs(text)));
  const figures: [string, string][] = [
    [t.developer.kpi.total, format.number(kpis.total_measurements)],
    [t.developer.kpi.rate, format.withUnit(kpis.ingest_rate_per_min, 1, t.unit.perMinute)],
    [t.developer.kpi.anomalies(format.number(kpis.window_minutes)), format.withUnit(kpis.anomalies_percent_window, 1, t.unit.percent)],
    [t.developer.kpi.value, format.number(kpis.last_value, 3)],
    [t.developer.kpi.frequency, format.hertz(kpis.last_frequency)],
    [t.developer.kpi.status, kpis.last_status ?? t.none],
    [t.developer.kpi.last, at(kpis.last_timestamp)],
    [t.developer.kpi.lastAnomaly, at(kpis.last_anomaly_ts)],
  ];
  return (
    <dl className="grid grid-cols-2 gap-px overflow-hidden rounded-lg border border-line bg-line sm:grid-cols-4">
      {figures.map(([name, value]) => (
        <div key={name} className="flex min-w-0 flex-col-reverse justify-end bg-surface px-3.5 py-2.5">
          <dt className="text-xs text-faint">{name}</dt>
          <dd className="font-semibold [overflow-wrap:anywhere]">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
