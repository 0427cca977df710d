// From what a calibrator reads, or from a data sheet, to what a sensor's samples stand for.
import { useRef, useState } from "react";
import { type Calibration, type SensorPlace, useCalibrate } from "@/api/plant";
import { Problem } from "@/components/Problem";
import { useMessages } from "@/i18n";
import { useFormat } from "@/lib/use-format";

const METHODS = ["sound_calibrator", "vibration_calibrator", "sensitivity", "full_scale"] as const;
type Method = (typeof METHODS)[number];
type Quantity = SensorPlace["quantity"];

function read(method: Method, quantity: Quantity, form: FormData): Calibration {
  const number = (name: string) => Number(form.get(name));
  switch (method) {
    case "sound_calibrator":
      return { method, level_db: number("level"), reads_dbfs: number("reads") };
    case "vibration_calibrator":
      return { method, rms_g: number("rms"), reads_dbfs: number("reads") };
    case "sensitivity":
      return { method, quantity, sensitivity_mv: number("sensitivity"), gain_db: number("gain"), full_scale_v: number("voltage") };
    case "full_scale":
      return { method, quantity, full_scale: number("full") };
  }
}

export function CalibrationForm({ sensor, onDone }: { sensor: SensorPlace; onDone: () => void }) {
  const t = useMessages();
  const words = t.plant.calibration;
  const calibrate = useCalibrate(sensor.id);
  const [method, setMethod] = useState<Method>(sensor.quantity === "acceleration" ? "vibration_calibrator" : "sound_calibrator");
  const [quantity, setQuantity] = useState<Quantity>(sensor.quantity);
  const told = sensor.full_scale === sensor.told_full_scale && sensor.quantity === sensor.told_quantity;
  return (
    <form
      aria-label={t.plant.calibrate(sensor.name)}
      className="flex flex-wrap items-end gap-3 rounded-md border border-line bg-raised p-3 text-sm"
      onKeyDown={(event) => event.key === "Escape" && onDone()}
      onSubmit={(event) => {
        event.preventDefault();
        calibrate.mutate(read(method, quantity, new FormData(event.currentTarget)), { onSuccess: onDone });
      }}
    >
      <label className="flex w-full flex-col gap-1">
        {words.method}
        <select className="field max-w-full" value={method} onChange={(event) => setMethod(METHODS.find((each) => each === event.target.value) ?? method)} autoFocus>
          {METHODS.map((each) => (
            <option key={each} value={each}>
              {words.methods[each]}
            </option>
          ))}
        </select>
      </label>
      <p className="w-full text-xs text-soft">{words.steps[method]}</p>
      {method === "sound_calibrator" && <Figure name="level" label={words.level} value={94} />}
      {method === "vibration_calibrator" && <Figure name="rms" label={words.rms} value={1.02} />}
      {(method === "sound_calibrator" || method === "vibration_calibrator") && <Reading sensor={sensor} />}
      {(method === "sensitivity" || method === "full_scale") && (
        <label className="flex flex-col gap-1">
          {words.quantity}
          <select className="field" value={quantity} onChange={(event) => setQuantity(event.target.value === "acceleration" ? "acceleration" : "sound_pressure")}>
            <option value="sound_pressure">{words.quantities.sound_pressure}</option>
            <option value="acceleration">{words.quantities.acceleration}</option>
          </select>
        </label>
      )}
      {method === "sensitivity" && (
        <>
          <Figure name="sensitivity" label={words.sensitivity[quantity]} />
          <Figure name="gain" label={words.gain} value={0} />
          <Figure name="voltage" label={words.voltage} value={1} />
        </>
      )}
      {method === "full_scale" && <Figure name="full" label={words.fullScale[quantity]} />}
      <div className="flex w-full flex-wrap items-center gap-2">
        <button type="submit" className="button button-primary" disabled={calibrate.isPending}>
          {t.plant.save}
        </button>
        <button type="button" className="button" onClick={onDone}>
          {t.plant.cancel}
        </button>
        {!told && (
          <button type="button" className="button" onClick={() => calibrate.mutate(null, { onSuccess: onDone })}>
            {words.forget}
          </button>
        )}
        <Problem error={calibrate.error} />
      </div>
    </form>
  );
}

function Figure({ name, label, value }: { name: string; label: string; value?: number }) {
  return (
    <label className="flex w-44 flex-col gap-1">
      {label}
      <input type="number" step="any" name={name} required className="field" defaultValue={value} />
    </label>
  );
}

function Reading({ sensor }: { sensor: SensorPlace }) {
  const t = useMessages();
  const format = useFormat();
  const input = useRef<HTMLInputElement>(null);
  const level = sensor.level_dbfs;
  return (
    <div className="flex flex-wrap items-end gap-2">
      <label className="flex w-44 flex-col gap-1">
        {t.plant.calibration.reads}
        <input ref={input} type="number" step="any" name="reads" required className="field" />
      </label>
      {level !== null && (
        <button
          type="button"
          className="button"
          onClick={() => {
            if (input.current) input.current.value = level.toFixed(2);
          }}
        >
          {t.plant.calibration.now(format.withUnit(level, 1, "dBFS"))}
        </button>
      )}
    </div>
  );
}
