// A machine as it is set up, with its sensors.
import { Link } from "@tanstack/react-router";
import { useId, useState } from "react";
import { type MachineEntry, useDeleteMachine } from "@/api/plant";
import { MachineForm } from "@/components/MachineForm";
import { Problem } from "@/components/Problem";
import { useMessages } from "@/i18n";
import { useFormat } from "@/lib/use-format";
import { Ask } from "@/components/Ask";
import { SensorItem } from "./SensorItem";

export function MachineItem({ machine, calibrate }: { machine: MachineEntry; calibrate: string | undefined }) {
  const t = useMessages();
  const format = useFormat();
  const [doing, setDoing] = useState<"change" | "delete" | null>(null);
  const remove = useDeleteMachine(machine.id);
  const why = useId();
  const full = machine.sensors.length > 0;
  const notes = machine.notes > 0 ? t.plant.notes(machine.notes, format.number(machine.notes)) : null;
  return (
    <li className="flex flex-col gap-2 py-3" data-machine={machine.name}>
      <div className="flex flex-wrap items-center gap-2">
        <span className="mr-auto min-w-0 [overflow-wrap:anywhere]">
          {full ? (
            <Link to="/machines/$machineId" params={{ machineId: machine.id }} className="font-medium text-accent underline underline-offset-2">
              {machine.name}
            </Link>
          ) : (
            <span className="font-medium">{machine.name}</span>
          )}
          <span className="ml-2 text-xs text-faint">{machine.tags.join(" · ") || t.plant.noTags}</span>
        </span>
        <button type="button" className="button" aria-label={t.plant.change(machine.name)} onClick={() => setDoing("change")}>
          {t.plant.short.change}
        </button>
        <button type="button" className="button button-danger" aria-label={t.plant.remove(machine.name)} aria-describedby={full ? why : undefined} disabled={full} onClick={() => setDoing("delete")}>
          {t.plant.short.remove}
        </button>
        {full && (
          <p id={why} className="w-full text-xs text-faint sm:text-right">
            {t.plant.hasSensors}
          </p>
        )}
      </div>
      {doing === "change" && <MachineForm machine={machine} named onDone={() => setDoing(null)} />}
      {doing === "delete" && (
        <Ask label={t.plant.remove(machine.name)} yes={t.plant.deleteYes} onYes={() => remove.mutate()} onNo={() => setDoing(null)}>
          <p>{t.plant.deleteMachine(machine.name, notes)}</p>
          <Problem error={remove.error} />
        </Ask>
      )}
      {full ? (
        <ul aria-label={t.plant.sensors} className="flex flex-col gap-2 pl-3">
          {machine.sensors.map((sensor) => (
            <SensorItem key={sensor.id} sensor={sensor} machine={machine} calibrate={sensor.id === calibrate} />
          ))}
        </ul>
      ) : (
        <p className="pl-3 text-xs text-faint">{t.plant.noSensor}</p>
      )}
    </li>
  );
}
