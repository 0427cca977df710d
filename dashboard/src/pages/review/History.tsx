// All that was ever said of an event, the newest first; read when somebody opens it.
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type HistoryEntry, historyQuery } from "@/api/reviews";
import { More } from "@/components/More";
import { useMessages } from "@/i18n";
import type { Messages } from "@/i18n/en";
import { useFormat } from "@/lib/use-format";

export function History({ eventId }: { eventId: string }) {
  const t = useMessages();
  const format = useFormat();
  const [open, setOpen] = useState(false);
  const history = useInfiniteQuery({ ...historyQuery(eventId), enabled: open });
  const entries = history.data?.pages.flatMap(({ items }) => items);
  return (
    <details className="min-w-0 text-sm" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className="flex min-h-9 items-center text-soft before:mr-1 before:content-['▸'] [[open]>&]:before:content-['▾']">{t.review.history}</summary>
      {entries?.length === 0 && <p className="text-xs text-faint">{t.review.none}</p>}
      <ol className="flex flex-col gap-0.5 text-xs text-soft">
        {entries?.map((entry) => (
          <li key={entry.id} data-entry={entry.undoes === null ? "judged" : "undone"} className="[overflow-wrap:anywhere]">
            {t.review.by(entry.actor, format.dateTime(entry.at_us))}: {told(entry, t)}
            {entry.undoes === null && entry.comment && ` (“${entry.comment}”)`}
          </li>
        ))}
      </ol>
      <More of={history} className="mt-1.5" />
    </details>
  );
}

function told({ verdict, cause, undoes }: HistoryEntry, t: Messages): string {
  const what = verdict && cause ? `${t.review.verdictLong[verdict]}, ${t.review.cause[cause]}` : t.review.none;
  return undoes === null ? t.review.historyEntry.judged(what) : t.review.historyEntry.undone(what);
}
