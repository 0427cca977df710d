// One note: what, when, by whom; its time leads into the charts.
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";
import { type Note, useChangeNote } from "@/api/notes";
import { explain } from "@/components/ErrorState";
import { NoteIcon } from "@/components/icons";
import { StatusGlyph } from "@/components/StatusGlyph";
import { useMessages } from "@/i18n";
import { serverNowUs } from "@/lib/clock";
import { useFormat } from "@/lib/use-format";
import { NoteForm } from "./NoteForm";

const route = getRouteApi("/machines/$machineId");
const MARGIN_US = 1_800e6;

interface Props {
  note: Note;
  /** The sensor it is of, where a machine has several. */
  sensor: string | undefined;
  onDelete: () => void;
}

export function NoteItem({ note, sensor, onDelete }: Props) {
  const t = useMessages();
  const change = useChangeNote();
  const [editing, setEditing] = useState(false);
  const isWork = note.kind === "maintenance";
  return (
    <li data-note={note.kind} className="flex gap-3 border-t border-line py-2.5 text-sm first:border-t-0">
      <span className="pt-0.5" title={t.notes.kind[note.kind]}>
        {isWork ? <StatusGlyph state="maintenance" size={16} /> : <NoteIcon />}
      </span>
      <div className="min-w-0 flex-1">
        {editing ? (
          <NoteForm
            kind={note.kind}
            note={note}
            several={false}
            onCancel={() => setEditing(false)}
            onSave={({ text, start_us, end_us }) => {
              setEditing(false);
              change.mutate({ id: note.id, changes: { text, end_us: end_us ?? null, ...(start_us === undefined ? {} : { start_us }) } });
            }}
          />
        ) : (
          <>
            <p className="[overflow-wrap:anywhere] whitespace-pre-line">
              <span className="sr-only">{t.notes.kind[note.kind]}: </span>
              {note.text}
            </p>
            <p className="text-xs text-faint">
              <Times note={note} /> · {note.author}
              {sensor && ` · ${sensor}`}
              {note.edited_us !== null && ` · ${t.notes.edited}`}
            </p>
            {note.yours && (
              <div className="mt-1 flex flex-wrap gap-x-4 gap-y-1 text-xs text-soft print:hidden">
                {isWork && note.end_us === null && (
                  <Action onClick={() => change.mutate({ id: note.id, changes: { end_us: Math.round(serverNowUs()) } })}>{t.notes.end}</Action>
                )}
                <Action onClick={() => setEditing(true)}>{t.notes.edit}</Action>
                <Action onClick={onDelete}>{t.notes.delete}</Action>
              </div>
            )}
          </>
        )}
        {change.isError && (
          <p role="alert" className="text-alarm">
            {explain(change.error, t)}
          </p>
        )}
      </div>
    </li>
  );
}

function Action({ onClick, children }: { onClick: () => void; children: string }) {
  return (
    <button type="button" className="min-h-6 underline underline-offset-2 hover:text-ink pointer-coarse:min-h-9" onClick={onClick}>
      {children}
    </button>
  );
}

function Times({ note }: { note: Note }) {
  const t = useMessages();
  const format = useFormat();
  const { kind, start_us: start, end_us: end } = note;
  const lasts = kind === "maintenance" && end === null;
  const text = end === null ? format.dateTime(start) : `${format.dateTime(start)} – ${format.dateTime(end)}`;
  return (
    <Link
      from={route.id}
      to="/machines/$machineId"
      search={(old) => ({ ...old, from: Math.round(start - MARGIN_US), to: Math.round((end ?? start) + MARGIN_US) })}
      title={t.events.show}
      className="text-accent underline-offset-2 hover:underline"
    >
      {lasts ? t.notes.since(text) : text}
    </Link>
  );
}
