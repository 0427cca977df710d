// The sensors of the machine with their newest figures and the model that each runs.
import type { SensorDetail } from "@/api/types";
import { StatusBadge } from "@/components/StatusBadge";
import { useMessages } from "@/i18n";
import { levelDigits } from "@/lib/levels";
import { useFormat } from "@/lib/use-format";
import { words } from "@/components/model/threshold-words";
import { PaperTable } from "./PaperTable";

export function ReportSensors({ sensors }: { sensors: readonly SensorDetail[] }) {
  const t = useMessages();
  const format = useFormat();
  const columns = [
    { name: t.report.sensor },
    { name: t.report.state },
    { name: t.fleet.score },
    { name: t.fleet.threshold },
    { name: t.machine.level, whole: true },
    { name: t.machine.heard, whole: true },
    { name: t.report.health },
    { name: t.model.title },
  ];
  const rows = sensors.map((sensor) => ({
    key: sensor.id,
    cells: [
      sensor.name,
      <StatusBadge key="state" state={sensor.status} />,
      format.score(sensor.score),
      format.score(sensor.threshold),
      format.withUnit(sensor.level, levelDigits(sensor.unit), sensor.unit),
      sensor.last_heard_us === null ? t.fleet.never : format.dateTime(sensor.last_heard_us),
      t.checks.sensor[sensor.health.state],
      sensor.model
        ? t.report.model(format.number(sensor.model.version), t.model.detectors[sensor.model.detector] ?? words(sensor.model.detector), format.number(sensor.model.baseline.windows))
        : t.report.noModel,
    ],
  }));
  return (
    <section aria-label={t.report.sensors} className="min-w-0">
      <PaperTable label={t.report.sensors} columns={columns} rows={rows} />
    </section>
  );
}
