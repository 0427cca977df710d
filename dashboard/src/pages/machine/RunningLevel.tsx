// Above which level the machine runs: who says so, and a small form to set it.
import { useState } from "react";
import { useChangeSensor } from "@/api/mutations";
import type { SensorDetail } from "@/api/types";
import { explain } from "@/components/ErrorState";
import { Facts } from "@/components/Facts";
import { NeedsRole } from "@/components/NeedsRole";
import { useMessages } from "@/i18n";
import { levelDigits } from "@/lib/levels";
import { useFormat } from "@/lib/use-format";

export function RunningLevel({ sensor }: { sensor: SensorDetail }) {
  const t = useMessages();
  const change = useChangeSensor();
  const [open, setOpen] = useState(false);
  const { running } = sensor;
  return (
    <div className="mt-3 border-t border-line pt-3" data-running={running.origin}>
      <RunningFacts sensor={sensor} />
      {running.origin === "agent" && <p className="mt-1 text-xs text-faint">{t.running.agentHint}</p>}
      {running.origin !== "agent" && !open && (
        <NeedsRole role="administrator">
          <button type="button" className="button mt-2" disabled={change.isPending} onClick={() => setOpen(true)}>
            {t.running.change}
          </button>
        </NeedsRole>
      )}
      {open && (
        <RunningForm
          running={running}
          onCancel={() => setOpen(false)}
          onSave={(settings) => {
            setOpen(false);
            change.mutate({ sensorId: sensor.id, settings });
          }}
        />
      )}
      {change.isSuccess && !open && <p role="status" className="mt-2 text-sm text-soft">{t.running.saved}</p>}
      {change.isError && <p role="alert" className="mt-2 text-sm text-alarm">{explain(change.error, t)}</p>}
    </div>
  );
}

function RunningFacts({ sensor }: { sensor: SensorDetail }) {
  const t = useMessages();
  const format = useFormat();
  const { running, unit } = sensor;
  const off = running.level_dbfs === null && running.origin !== "learned";
  const level = off ? t.running.never : format.withUnit(running.level, levelDigits(unit), unit);
  const inDbfs = running.level_dbfs !== null && unit !== t.unit.dbfs ? [format.withUnit(running.level_dbfs, 1, t.unit.dbfs)] : [];
  const origin = running.origin === "learned" && running.level_dbfs === null ? t.running.unknown : t.running.origin[running.origin];
  return (
    <Facts
      facts={[
        [
          t.running.above,
          <span key="level">
            {level}
            <span className="block text-xs text-faint">{[...inDbfs, origin].join(", ")}</span>
          </span>,
        ],
        [t.running.settling, running.settling_windows === null ? t.none : t.running.windows(running.settling_windows, format.number(running.settling_windows))],
      ]}
    />
  );
}

interface Settings {
  running_level_dbfs: number | "off" | null;
  settling_windows: number | null;
}

interface FormProps {
  running: SensorDetail["running"];
  onSave: (settings: Settings) => void;
  onCancel: () => void;
}

function numberOrNull(form: FormData, name: string): number | null {
  const text = form.get(name);
  return typeof text === "string" && text.trim() !== "" ? Number(text) : null;
}

function RunningForm({ running, onSave, onCancel }: FormProps) {
  const t = useMessages();
  const format = useFormat();
  const [off, setOff] = useState(running.setting === "off");
  const learned = running.learned_dbfs === null ? t.running.levelHint : t.running.levelLearned(format.withUnit(running.learned_dbfs, 1, t.unit.dbfs));
  return (
    <form
      className="mt-2 flex flex-col gap-3 rounded-md border border-line bg-raised p-3 text-sm"
      aria-label={t.running.change}
      onSubmit={(event) => {
        event.preventDefault();
        const form = new FormData(event.currentTarget);
        onSave({ running_level_dbfs: off ? "off" : numberOrNull(form, "level"), settling_windows: numberOrNull(form, "settling") });
      }}
    >
      {!off && (
        <label className="flex flex-col gap-1">
          <span>
            {t.running.level} <span className="label">({learned})</span>
          </span>
          <input type="number" inputMode="decimal" name="level" min={-200} max={0} step="any" className="field" defaultValue={typeof running.setting === "number" ? running.setting : ""} autoFocus />
        </label>
      )}
      <label className="flex items-center gap-2">
        <input type="checkbox" checked={off} onChange={(event) => setOff(event.target.checked)} />
        {t.running.off}
      </label>
      <label className="flex flex-col gap-1">
        <span>
          {t.running.settling} <span className="label">({t.running.settlingHint})</span>
        </span>
        <input type="number" inputMode="numeric" name="settling" min={0} max={1000} step={1} className="field" defaultValue={running.settling_setting ?? ""} />
      </label>
      <div className="flex flex-wrap gap-2">
        <button type="submit" className="button button-primary">
          {t.running.save}
        </button>
        <button type="button" className="button" onClick={onCancel}>
          {t.running.cancel}
        </button>
      </div>
    </form>
  );
}
