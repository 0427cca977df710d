// The sensor now: level, frequency, source, above which level it runs, and how far learning has come.
import { Link } from "@tanstack/react-router";
import { useMay } from "@/api/session";
import type { SensorDetail } from "@/api/types";
import { Facts } from "@/components/Facts";
import { LearningBar } from "@/components/LearningBar";
import { StatusBadge } from "@/components/StatusBadge";
import { TimeAgo } from "@/components/TimeAgo";
import { useMessages } from "@/i18n";
import { LEVEL_A_UNIT, levelDigits, levelTitle, VELOCITY_UNIT } from "@/lib/levels";
import { useFormat } from "@/lib/use-format";
import { RunningLevel } from "./RunningLevel";

const SOURCE_OK = "ok";

export function SensorFacts({ sensor, siteId }: { sensor: SensorDetail; siteId: string }) {
  const t = useMessages();
  const format = useFormat();
  const { learning } = sensor;
  const troubled = sensor.source_state && sensor.source_state !== SOURCE_OK;
  return (
    <section className="panel p-4" aria-label={sensor.name}>
      <div className="mb-3 flex items-center justify-between gap-3">
        <h2 className="min-w-0 truncate font-semibold">{sensor.name}</h2>
        <StatusBadge state={sensor.status} progress={learning ? learning.windows / learning.needed : undefined} />
      </div>
      {troubled && (
        <p role="alert" className="mb-3 rounded-md bg-fault-wash px-2.5 py-1.5 text-sm text-fault">
          {t.machine.sourceState(sensor.source_state ?? "")}
        </p>
      )}
      {learning && (
        <div className="mb-3">
          <LearningBar learning={learning} heuristicFlag={sensor.heuristic_flag} windowS={sensor.window_s} />
        </div>
      )}
      <Facts
        facts={[
          [t.fleet.score, format.score(sensor.score)],
          [t.fleet.threshold, format.score(sensor.threshold)],
          [levelTitle(sensor, t), format.withUnit(sensor.level, levelDigits(sensor.unit), sensor.unit)],
          ...(sensor.level_a_db === null ? [] : [[t.level.weighted, format.withUnit(sensor.level_a_db, 1, LEVEL_A_UNIT)] as const]),
          ...(sensor.velocity_mm_s === null ? [] : [[t.level.velocity, format.withUnit(sensor.velocity_mm_s, 2, VELOCITY_UNIT)] as const]),
          [t.machine.dominant, format.hertz(sensor.dominant_hz)],
          [t.machine.heard, sensor.last_heard_us === null ? t.fleet.never : <TimeAgo key="heard" us={sensor.last_heard_us} />],
          [t.machine.source, sensor.source],
          [t.machine.window, format.withUnit(sensor.window_s, Number.isInteger(sensor.window_s) ? 0 : 2, "s")],
          [t.machine.rate, format.withUnit(sensor.sample_rate_hz / 1000, sensor.sample_rate_hz % 1000 ? 2 : 0, "kHz")],
        ]}
      />
      {sensor.full_scale === null && <Uncalibrated sensor={sensor} siteId={siteId} />}
      <RunningLevel sensor={sensor} />
    </section>
  );
}

/** What that means, and for who may calibrate it the way there. */
function Uncalibrated({ sensor, siteId }: { sensor: SensorDetail; siteId: string }) {
  const t = useMessages();
  const may = useMay("administrator");
  return (
    <p className="mt-2 text-xs text-faint">
      {t.level.uncalibrated[sensor.quantity]}{" "}
      {may && (
        <Link to="/settings/plant" search={{ site: siteId, calibrate: sensor.id }} className="inline-block min-h-6 py-0.5 text-accent underline underline-offset-2">
          {t.plant.calibrate(sensor.name)}
        </Link>
      )}
    </p>
  );
}
