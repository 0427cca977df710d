// Notes and maintenance of a machine, newest first: added, changed by their author, deleted and brought back.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { notesQuery, useAddNote, useDeleteNote, useRestoreNote } from "@/api/notes";
import type { SensorDetail } from "@/api/types";
import { ErrorState, explain } from "@/components/ErrorState";
import { NeedsRole } from "@/components/NeedsRole";
import { Section } from "@/components/Section";
import { useMessages } from "@/i18n";
import { NoteForm } from "./NoteForm";
import { NoteItem } from "./NoteItem";

type Kind = "note" | "maintenance";

export function NotesPanel({ machineId, sensors, current }: { machineId: string; sensors: readonly SensorDetail[]; current: SensorDetail }) {
  const t = useMessages();
  const notes = useQuery(notesQuery(machineId));
  const add = useAddNote();
  const [adding, setAdding] = useState<Kind | null>(null);
  const remove = useDeleteNote();
  const restore = useRestoreNote();
  const failed = add.error ?? remove.error ?? restore.error;
  return (
    <Section id="notes" title={t.notes.title}>
      {adding ? (
        <NoteForm
          key={adding}
          kind={adding}
          sensor={current}
          several={sensors.length > 1}
          onCancel={() => setAdding(null)}
          onSave={(note) => {
            setAdding(null);
            add.mutate({ machine_id: machineId, ...note });
          }}
        />
      ) : (
        <NeedsRole role="operator">
          <div className="flex flex-wrap gap-2">
            <button type="button" className="button" onClick={() => setAdding("note")}>
              {t.notes.add}
            </button>
            <button type="button" className="button" onClick={() => setAdding("maintenance")}>
              {t.notes.addMaintenance}
            </button>
          </div>
        </NeedsRole>
      )}
      {failed && (
        <p role="alert" className="mt-2 text-sm text-alarm">
          {explain(failed, t)}
        </p>
      )}
      <div role="status">
        {remove.isSuccess && !restore.isSuccess && (
          <p className="mt-2 flex items-center gap-3 text-sm text-soft">
            {t.notes.deleted}
            <button type="button" className="button" onClick={() => restore.mutate(remove.variables)}>
              {t.notes.undo}
            </button>
          </p>
        )}
      </div>
      {notes.isError && !notes.data && <ErrorState error={notes.error} onRetry={() => void notes.refetch()} />}
      {notes.data?.items.length === 0 && <p className="mt-2 text-sm text-faint">{t.notes.none}</p>}
      <ul className="mt-2 flex flex-col">
        {notes.data?.items.map((note) => (
          <NoteItem
            key={note.id}
            note={note}
            sensor={sensors.length > 1 ? sensors.find((each) => each.id === note.sensor_id)?.name : undefined}
            onDelete={() => {
              restore.reset();
              remove.mutate(note.id);
            }}
          />
        ))}
      </ul>
      {notes.data?.next && <p className="mt-1 text-xs text-faint">{t.notes.more}</p>}
    </Section>
  );
}
