// How small a fault the sensor's model would hear, kind by kind.
import { useQuery } from "@tanstack/react-query";
import { detectabilityQuery } from "@/api/queries";
import type { KindHeard, SensorDetail } from "@/api/types";
import { ErrorState } from "@/components/ErrorState";
import { Section } from "@/components/Section";
import { useMessages } from "@/i18n";
import { useFormat } from "@/lib/use-format";
import { hissEdges, reach } from "./detectability";

export function DetectabilityPanel({ sensor }: { sensor: SensorDetail }) {
  const t = useMessages();
  const format = useFormat();
  const found = useQuery(detectabilityQuery(sensor.id));
  const report = found.data?.report;
  return (
    <Section id="detectability" title={t.detectability.title} folded>
      <div data-detectability={found.data?.state}>
        {found.isError && !found.data && <ErrorState error={found.error} onRetry={() => void found.refetch()} />}
        {found.data?.state === "no_model" && <p className="text-sm text-faint">{t.detectability.none}</p>}
        {found.data?.state === "computing" && <p className="text-sm text-soft">{t.detectability.computing}</p>}
        {found.data?.state === "unavailable" && (
          <p className="text-sm text-soft">{t.detectability.unavailable(found.data.reason ?? "")}</p>
        )}
        {found.data?.state === "waiting" && (
          <>
            <p className="text-sm text-soft">{t.detectability.waiting}</p>
            <p className="mt-2 text-xs text-faint">{t.detectability.waitingHint}</p>
          </>
        )}
        {report && (
          <>
            <p className="mb-3 text-xs text-faint">{t.detectability.lead}</p>
            <ul className="flex flex-col gap-2.5">
              {report.kinds.map((kind) => (
                <Kind key={kind.kind} kind={kind} rateHz={sensor.sample_rate_hz} />
              ))}
            </ul>
            <p className="mt-3 text-xs text-faint">
              {t.detectability.basis(format.number(report.windows), format.withUnit(100 * report.false_alarm_rate, 1, t.unit.percent))}
            </p>
          </>
        )}
      </div>
    </Section>
  );
}

function Kind({ kind, rateHz }: { kind: KindHeard; rateHz: number }) {
  const t = useMessages();
  const format = useFormat();
  const [low, high] = hissEdges(rateHz);
  const edge = (hz: number) => (hz < 1000 ? format.hertz(hz) : format.withUnit(hz / 1000, hz % 1000 ? 1 : 0, "kHz"));
  const name = t.detectability.kinds[kind.kind]?.(edge(low), edge(high)) ?? kind.kind;
  const levels = kind.levels.map((level) => level.level_db);
  // Whole decibels: levels were tried in steps of 3 dB.
  const write = (level: number) => format.withUnit(level, 0, t.unit.db);
  const { share, heard } = reach(kind, t.detectability, write);
  return (
    <li data-kind={kind.kind} className="text-sm">
      <div className="flex items-baseline justify-between gap-3">
        <span className="min-w-0">{name}</span>
        <span className={`shrink-0 text-right ${kind.heard_from_db === null ? "text-faint" : "font-medium"}`}>{heard}</span>
      </div>
      <div
        aria-hidden="true"
        title={t.detectability.scale(write(levels[0] ?? 0), write(levels.at(-1) ?? 0))}
        className="mt-1 h-1.5 overflow-hidden rounded-full bg-line"
      >
        <div className="h-full rounded-full bg-accent" style={{ width: `${(100 * share).toFixed(1)}%` }} />
      </div>
    </li>
  );
}
