// An event of the review: what and when in a line; the one that is open shows why, its sound and what was said of it.
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { EventOut } from "@/api/types";
import { Reasons } from "@/components/Reasons";
import { VerdictLine } from "@/components/VerdictLine";
import { VerdictSign } from "@/components/VerdictSign";
import { useMessages } from "@/i18n";
import { reasonWords } from "@/lib/reason-words";
import { useFormat } from "@/lib/use-format";
import { cardId } from "./card-id";
import { History } from "./History";

const MARGIN_US = 120e6;

interface Props {
  event: EventOut;
  open: boolean;
  selected: boolean;
  onOpen: () => void;
  onSelect: (selected: boolean) => void;
  children: ReactNode;
}

export function EventCard({ event, open, selected, onOpen, onSelect, children }: Props) {
  const t = useMessages();
  const format = useFormat();
  const when = format.dateTime(event.start_us);
  return (
    <li>
      <article
        id={cardId(event.id)}
        tabIndex={-1}
        aria-label={t.review.event(event.machine_name, when)}
        aria-current={open ? "true" : undefined}
        data-event={event.id}
        className={`panel scroll-mt-14 scroll-mb-36 outline-offset-0 ${open ? "border-l-4 border-l-accent" : "border-l-4 hover:border-line-strong"}`}
      >
        <div className="flex items-stretch">
          <label className="flex min-w-11 cursor-pointer items-center justify-center">
            <input
              type="checkbox"
              className="size-4 accent-(--accent)"
              checked={selected}
              aria-label={t.review.select(event.machine_name, when)}
              onChange={(change) => onSelect(change.target.checked)}
            />
          </label>
          <button type="button" aria-expanded={open} onClick={onOpen} className="min-h-14 min-w-0 grow py-2 pr-3 text-left -outline-offset-2">
            <Summary event={event} open={open} when={when} />
          </button>
        </div>
        {open && (
          <div className="flex flex-col gap-3 border-t border-line p-3 sm:p-4">
            <div className="text-sm">
              <Reasons reasons={event.reasons} />
            </div>
            {children}
            {event.verdict && <VerdictLine verdict={event.verdict} />}
            <div className="flex flex-wrap items-start justify-between gap-2">
              <History eventId={event.id} />
              <Link
                to="/machines/$machineId"
                params={{ machineId: event.machine_id }}
                search={{ sensor: event.sensor_id, from: event.start_us - MARGIN_US, to: Math.round(event.end_us + MARGIN_US) }}
                className="inline-flex min-h-9 items-center text-sm text-accent underline-offset-2 hover:underline"
              >
                {t.review.toMachine}
              </Link>
            </div>
          </div>
        )}
      </article>
    </li>
  );
}

function Summary({ event, open, when }: { event: EventOut; open: boolean; when: string }) {
  const t = useMessages();
  const format = useFormat();
  const first = event.reasons[0];
  const words = first && reasonWords(first, t, format.locale);
  return (
    <>
      <span className="flex flex-wrap items-center gap-x-2">
        <span className="font-semibold">{event.machine_name}</span>
        {event.state === "open" && <span className="text-xs font-medium text-alarm">● {t.review.running}</span>}
        {event.verdict && (
          <span className="inline-flex items-center gap-1 text-xs text-soft">
            <VerdictSign verdict={event.verdict.verdict} />
            {t.review.verdictLong[event.verdict.verdict]}
          </span>
        )}
      </span>
      <span className="block text-xs text-faint">
        {when} · {(event.state === "open" ? t.review.lastsFor : t.review.lasted)(format.duration(event.end_us - event.start_us))} · {t.review.peak(format.score(event.peak_score), format.score(event.threshold))}
      </span>
      {!open && words && (
        <span className="block truncate text-xs text-soft">
          {words.what} {words.change}
        </span>
      )}
    </>
  );
}
