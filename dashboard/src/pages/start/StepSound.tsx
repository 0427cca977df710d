// The third step: the first sound arrives; is it silent or overdriven, how far has learning come, and what comes next.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { Agent } from "@/api/agents";
import { checksQuery, machineQuery } from "@/api/queries";
import type { MachineDetail } from "@/api/types";
import { Checks } from "@/components/Checks";
import { LearningBar } from "@/components/LearningBar";
import { LevelMeter } from "@/components/LevelMeter";
import { useMessages } from "@/i18n";
import { useFormat } from "@/lib/use-format";
import { Step } from "./Step";

type Sensor = MachineDetail["sensors"][number];
/** At or below this a baseline is refused as silent. */
const SILENT_DBFS = -100;

export function StepSound({ agent, machineId }: { agent: Agent | undefined; machineId: string | undefined }) {
  const t = useMessages();
  const machine = useQuery({ ...machineQuery(machineId ?? ""), enabled: machineId !== undefined }).data;
  const sensors = machine?.sensors.filter((sensor) => sensor.agent_id === agent?.id) ?? [];
  const heard = sensors.some((sensor) => sensor.last_heard_us !== null);
  const good = sensors.some((sensor) => sensor.last_heard_us !== null && !isSilent(sensor));
  if (!agent || !machine) return <Step number={3} title={t.start.sound.title} state="later" />;
  const learned = sensors.length > 0 && sensors.every((sensor) => sensor.model_digest !== null);
  return (
    <Step number={3} title={t.start.sound.title} state={good ? "done" : "now"}>
      {!heard && (
        <p role="status" className="text-sm text-soft">
          {agent.last_seen_us === null ? t.enrol.notHeard : t.start.sound.waiting}
        </p>
      )}
      {sensors.map((sensor) => (
        <Heard key={sensor.id} sensor={sensor} />
      ))}
      <SensorChecks agent={agent} />
      {good && <Next learned={learned} machine={machine} />}
    </Step>
  );
}

function isSilent({ level_dbfs: level }: Sensor): boolean {
  return level !== null && level <= SILENT_DBFS;
}

function Heard({ sensor }: { sensor: Sensor }) {
  const t = useMessages();
  if (sensor.last_heard_us === null) return null;
  return (
    <div data-sensor={sensor.id} className="flex flex-col gap-3">
      <LevelMeter dbfs={sensor.level_dbfs} label={t.start.sound.level(sensor.name)} />
      {isSilent(sensor) && (
        <p role="alert" className="rounded-md bg-warning-wash px-3 py-2 text-sm">
          <span aria-hidden className="text-warning">
            {"▲ "}
          </span>
          {t.start.sound.silent}
        </p>
      )}
      {sensor.learning && <LearningBar learning={sensor.learning} heuristicFlag={null} windowS={sensor.window_s} />}
    </div>
  );
}

/** What is wrong with how it hears, with what to do: silent, overdriven, unplugged, and the like. */
function SensorChecks({ agent }: { agent: Agent }) {
  const checks = useQuery(checksQuery(agent.id)).data ?? [];
  const wrong = checks.filter(({ sensor_id: sensor, state, key }) => sensor !== null && key !== "model" && (state === "failed" || state === "warning"));
  return wrong.length > 0 ? <Checks checks={wrong} /> : null;
}

function Next({ learned, machine }: { learned: boolean; machine: MachineDetail }) {
  const t = useMessages();
  const format = useFormat();
  const needed = Math.max(...machine.sensors.map((sensor) => (sensor.learning?.needed ?? 0) * sensor.window_s));
  return (
    <div className="flex flex-col items-start gap-3 border-t border-line pt-3 text-sm">
      <p>{learned ? t.start.sound.learned : t.start.sound.next(format.duration(needed * 1e6))}</p>
      <Link to="/machines/$machineId" params={{ machineId: machine.id }} className="button button-primary">
        {t.start.sound.open(machine.name)}
      </Link>
    </div>
  );
}
