// The sensors of the machine with their newest figures and the model that each runs.
import type { SensorDetail } from "@/api/types";
import { StatusBadge } from "@/components/StatusBadge";
import { useMessages } from "@/i18n";
import { levelDigits } from "@/lib/levels";
import { useFormat } from "@/lib/use-format";
import { words } from "@/components/model/threshold-words";

const CELL = "py-1 pr-3 align-top";

export function ReportSensors({ sensors }: { sensors: readonly SensorDetail[] }) {
  const t = useMessages();
  const format = useFormat();
  const heads = [t.report.sensor, t.report.state, t.fleet.score, t.fleet.threshold, t.machine.level, t.machine.heard, t.report.health, t.model.title];
  return (
    <section aria-label={t.report.sensors} className="min-w-0">
      <div className="overflow-x-auto" role="group" aria-label={t.report.sensors} tabIndex={0}>
        <table className="w-full min-w-[44rem] text-left text-xs print:min-w-0">
          <thead className="text-faint">
            <tr>
              {heads.map((name) => (
                <th key={name} scope="col" className="pr-3 font-medium">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {sensors.map((sensor) => (
              <tr key={sensor.id} className="border-t border-line">
                <td className={CELL}>{sensor.name}</td>
                <td className={CELL}>
                  <StatusBadge state={sensor.status} />
                </td>
                <td className={CELL}>{format.score(sensor.score)}</td>
                <td className={CELL}>{format.score(sensor.threshold)}</td>
                <td className={`${CELL} whitespace-nowrap`}>{format.withUnit(sensor.level, levelDigits(sensor.unit), sensor.unit)}</td>
                <td className={`${CELL} whitespace-nowrap`}>{sensor.last_heard_us === null ? t.fleet.never : format.dateTime(sensor.last_heard_us)}</td>
                <td className={CELL}>{t.checks.sensor[sensor.health.state]}</td>
                <td className={CELL}>
                  {sensor.model
                    ? t.report.model(format.number(sensor.model.version), t.model.detectors[sensor.model.detector] ?? words(sensor.model.detector), format.number(sensor.model.baseline.windows))
                    : t.report.noModel}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
