// A sensor: its name, its machine, what its samples stand for.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type MachineEntry, machinesOfQuery, type SensorPlace, usePlaceSensor } from "@/api/plant";
import { Problem } from "@/components/Problem";
import { useMessages } from "@/i18n";
import { textOf } from "@/lib/form-text";
import { CalibrationForm } from "./CalibrationForm";
import { fullScaleText } from "./full-scale";
import { useFormat } from "@/lib/use-format";

interface Props {
  sensor: SensorPlace;
  machine: MachineEntry;
}

export function SensorItem({ sensor, machine, calibrate }: Props & { calibrate: boolean }) {
  const t = useMessages();
  const format = useFormat();
  const [doing, setDoing] = useState<"place" | "calibrate" | null>(calibrate ? "calibrate" : null);
  const close = () => setDoing(null);
  return (
    <li className="flex flex-col gap-2" data-sensor={sensor.name}>
      <div className="flex flex-wrap items-center gap-2 text-sm">
        <span className="mr-auto min-w-0 [overflow-wrap:anywhere]">
          {sensor.name}
          {sensor.told_name !== sensor.name && <span className="ml-2 text-xs text-faint">{t.plant.told(sensor.told_name)}</span>}
          <span className="block text-xs text-faint">
            {sensor.full_scale === null ? t.plant.uncalibrated : t.plant.calibrated(fullScaleText(sensor.full_scale, sensor.quantity, format))}
          </span>
        </span>
        <button type="button" className="button max-w-full whitespace-normal [overflow-wrap:anywhere]" onClick={() => setDoing("place")}>
          {t.plant.change(sensor.name)}
        </button>
        <button type="button" className="button max-w-full whitespace-normal [overflow-wrap:anywhere]" onClick={() => setDoing("calibrate")}>
          {t.plant.calibrate(sensor.name)}
        </button>
      </div>
      {doing === "place" && <PlaceForm sensor={sensor} machine={machine} onDone={close} />}
      {doing === "calibrate" && <CalibrationForm sensor={sensor} onDone={close} />}
    </li>
  );
}

function PlaceForm({ sensor, machine, onDone }: Props & { onDone: () => void }) {
  const t = useMessages();
  const place = usePlaceSensor(sensor.id);
  const machines = useQuery(machinesOfQuery(machine.site.id)).data ?? [machine];
  const save = (form: FormData) =>
    place.mutate(
      { name: textOf(form, "name"), machine_id: textOf(form, "machine"), learn_again: form.get("again") !== null },
      { onSuccess: onDone },
    );
  return (
    <form
      aria-label={t.plant.change(sensor.name)}
      className="flex flex-wrap items-end gap-3 rounded-md border border-line bg-raised p-3 text-sm"
      onKeyDown={(event) => event.key === "Escape" && onDone()}
      onSubmit={(event) => {
        event.preventDefault();
        save(new FormData(event.currentTarget));
      }}
    >
      <label className="flex min-w-40 flex-1 flex-col gap-1">
        {t.plant.name}
        <input name="name" required maxLength={120} className="field" defaultValue={sensor.name} autoFocus />
      </label>
      <label className="flex min-w-40 flex-1 flex-col gap-1">
        {t.plant.machine}
        <select name="machine" className="field" defaultValue={machine.id}>
          {machines.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label className="flex w-full items-center gap-2">
        <input type="checkbox" name="again" className="accent-accent" />
        {t.plant.learnAgain}
      </label>
      <button type="submit" className="button button-primary" disabled={place.isPending}>
        {t.plant.save}
      </button>
      <button type="button" className="button" onClick={onDone}>
        {t.plant.cancel}
      </button>
      <Problem error={place.error} />
    </form>
  );
}
