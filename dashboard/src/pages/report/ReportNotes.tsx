// What was noted last.
import { useQuery } from "@tanstack/react-query";
import { notesQuery } from "@/api/notes";
import { useMessages } from "@/i18n";
import { useFormat } from "@/lib/use-format";

const SHOWN = 5;

export function ReportNotes({ machineId }: { machineId: string }) {
  const t = useMessages();
  const format = useFormat();
  const notes = useQuery(notesQuery(machineId));
  const items = notes.data?.items.slice(0, SHOWN) ?? [];
  if (items.length === 0) return null;
  return (
    <section aria-label={t.notes.title}>
      <h2 className="font-semibold">{t.notes.title}</h2>
      <ul className="text-xs">
        {items.map((note) => (
          <li key={note.id} className="border-t border-line py-1 [overflow-wrap:anywhere]">
            <span className="text-faint">
              {format.dateTime(note.start_us)}, {t.notes.kind[note.kind]}, {note.author}:
            </span>{" "}
            {note.text}
          </li>
        ))}
      </ul>
    </section>
  );
}
