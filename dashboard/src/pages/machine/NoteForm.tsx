// Writes a note or maintenance, or changes one.
import { useId } from "react";
import type { NewNote, Note } from "@/api/notes";
import type { SensorDetail } from "@/api/types";
import { useMessages } from "@/i18n";
import { fromField, toField } from "@/lib/local-time";

type Fields = Omit<NewNote, "machine_id">;

interface Props {
  kind: Note["kind"];
  /** What is changed; without it a new one is written. */
  note?: Note;
  /** Whose charts are shown. */
  sensor?: SensorDetail;
  /** Whether the machine has several sensors: then one can be meant. */
  several: boolean;
  onSave: (fields: Fields) => void;
  onCancel: () => void;
}

const MOST_CHARACTERS = 2_000;

export function NoteForm({ kind, note, sensor, several, onSave, onCancel }: Props) {
  const t = useMessages();
  const isWork = kind === "maintenance";
  const textId = useId();
  const save = (form: FormData) => {
    const text = form.get("text");
    const start = fromField(form.get("start"));
    const end = fromField(form.get("end"));
    // A field holds whole minutes: what was not touched stays exact.
    const same = note !== undefined && start === fromField(toField(note.start_us));
    onSave({
      kind,
      text: typeof text === "string" ? text : "",
      sensor_id: form.get("scope") === "sensor" ? (sensor?.id ?? null) : null,
      ...(start === null || same ? {} : { start_us: start }),
      ...(end === null ? {} : { end_us: end }),
    });
  };
  return (
    <form
      aria-label={isWork ? t.notes.addMaintenance : t.notes.add}
      className="flex flex-col gap-3 rounded-md border border-line bg-raised p-3 text-sm"
      onSubmit={(event) => {
        event.preventDefault();
        save(new FormData(event.currentTarget));
      }}
    >
      {isWork && <p className="text-xs text-faint">{t.notes.means}</p>}
      <div className="flex flex-col gap-1">
        <label htmlFor={textId}>{isWork ? t.notes.work : t.notes.text}</label>
        <textarea id={textId} name="text" required maxLength={MOST_CHARACTERS} rows={2} className="field py-1.5" defaultValue={note?.text} autoFocus />
      </div>
      <div className="flex flex-wrap gap-3">
        <label className="flex flex-col gap-1">
          <span>
            {t.notes.start} {!note && <span className="label">({t.notes.now})</span>}
          </span>
          <input type="datetime-local" name="start" className="field" defaultValue={note ? toField(note.start_us) : ""} />
        </label>
        <label className="flex flex-col gap-1">
          <span>
            {t.notes.until} <span className="label">({isWork ? t.notes.openEnd : t.notes.moment})</span>
          </span>
          <input type="datetime-local" name="end" className="field" defaultValue={note?.end_us ? toField(note.end_us) : ""} />
        </label>
        {several && sensor && (
          <label className="flex flex-col gap-1">
            {t.notes.scope}
            <select name="scope" className="field">
              <option value="machine">{t.notes.wholeMachine}</option>
              <option value="sensor">{sensor.name}</option>
            </select>
          </label>
        )}
      </div>
      <div className="flex flex-wrap gap-2">
        <button type="submit" className="button button-primary">
          {t.notes.save}
        </button>
        <button type="button" className="button" onClick={onCancel}>
          {t.notes.cancel}
        </button>
      </div>
    </form>
  );
}
