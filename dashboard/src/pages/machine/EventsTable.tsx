// Events of a machine, newest first; each can be shown in the charts.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { eventClipsQuery } from "@/api/clips";
import { eventsQuery } from "@/api/queries";
import type { EventOut } from "@/api/types";
import { EmptyState } from "@/components/EmptyState";
import { ErrorState } from "@/components/ErrorState";
import { Reasons } from "@/components/Reasons";
import { VerdictLine } from "@/components/VerdictLine";
import { StatusGlyph } from "@/components/StatusGlyph";
import { useMessages } from "@/i18n";
import { useServerNowUs } from "@/lib/clock";
import { shortDigest } from "@/lib/digest";
import { useFormat } from "@/lib/use-format";
import { EventSound } from "./EventSound";

const route = getRouteApi("/machines/$machineId");
const MARGIN_US = 120e6;
const CELL = "px-2 py-2 align-top first:pl-4 sm:px-3 sm:whitespace-nowrap";
/** Columns that a phone has no room for. */
const WIDE = "hidden sm:table-cell";

export function EventsTable({ machineId, manySensors }: { machineId: string; manySensors: boolean }) {
  const t = useMessages();
  const events = useQuery(eventsQuery(machineId));
  const clips = useQuery(eventClipsQuery(machineId));
  if (events.isError && !events.data) return <ErrorState error={events.error} onRetry={() => void events.refetch()} />;
  const items = events.data?.items ?? [];
  const clipOf = new Map(clips.data?.items.map((clip) => [clip.event_id, clip]));
  const columns = [
    [t.events.state, ""],
    [t.events.start, ""],
    [t.events.duration, ""],
    [t.events.peak, ""],
    [t.events.threshold, WIDE],
    [t.events.windows, WIDE],
    [t.events.model, WIDE],
  ] as const;
  return (
    <section className="panel min-w-0" aria-label={t.events.title}>
      <h2 className="px-4 pt-3 pb-1 font-semibold">{t.events.title}</h2>
      {events.isSuccess && items.length === 0 && <EmptyState title={t.events.none}>{t.events.noneHint}</EmptyState>}
      {items.length > 0 && (
        <div className="overflow-x-auto" role="group" aria-label={t.events.title} tabIndex={0}>
          <table className="w-full text-left text-sm">
            <thead className="text-xs text-faint">
              <tr>
                {columns.map(([name, shown]) => (
                  <th key={name} scope="col" className={`px-2 py-1.5 font-medium first:pl-4 sm:px-3 sm:whitespace-nowrap ${shown}`}>
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            {items.map((event) => {
              const clip = clipOf.get(event.id);
              return (
                <tbody key={event.id} className="border-t border-line hover:bg-raised">
                  <EventRow event={event} showSensor={manySensors} />
                  <tr>
                    <td colSpan={columns.length} className="px-4 pb-2.5">
                      {event.reasons.length > 0 && (
                        <div className="mb-1 text-xs">
                          <Reasons reasons={event.reasons} />
                        </div>
                      )}
                      {event.verdict && <VerdictLine verdict={event.verdict} />}
                      <Link
                        to="/review"
                        search={{ show: "all", machine: event.machine_id, event: event.id }}
                        className="inline-flex min-h-6 items-center text-xs text-accent underline-offset-2 hover:underline"
                      >
                        {event.verdict ? t.review.again : t.review.toReview}
                      </Link>
                    </td>
                  </tr>
                  {clip && (
                    <tr>
                      <td colSpan={columns.length} className="px-4 pb-3">
                        <EventSound clip={clip} />
                      </td>
                    </tr>
                  )}
                </tbody>
              );
            })}
          </table>
        </div>
      )}
      {events.data?.next && <p className="px-4 py-2 text-xs text-faint">{t.events.more}</p>}
    </section>
  );
}

function EventRow({ event, showSensor }: { event: EventOut; showSensor: boolean }) {
  const t = useMessages();
  const format = useFormat();
  const now = useServerNowUs();
  const open = event.state === "open";
  const end = open ? now : event.end_us;
  return (
    <tr data-event={event.state}>
      <td className={CELL}>
        <span className={`inline-flex items-center gap-1.5 whitespace-nowrap ${open ? "font-medium text-alarm" : "text-soft"}`}>
          {open ? <StatusGlyph state="alarm" size={16} /> : null}
          {open ? t.events.open : t.events.closed}
        </span>
      </td>
      <td className={CELL}>
        <Link
          from={route.id}
          to="/machines/$machineId"
          search={(old) => ({ ...old, sensor: event.sensor_id, from: event.start_us - MARGIN_US, to: Math.round(event.end_us + MARGIN_US) })}
          title={t.events.show}
          className="text-accent underline-offset-2 hover:underline"
        >
          {format.dateTime(event.start_us)}
        </Link>
        {showSensor && <span className="ml-2 text-xs text-faint">{event.sensor_name}</span>}
      </td>
      <td className={CELL}>{format.duration(end - event.start_us)}</td>
      <td className={`${CELL} whitespace-nowrap`}>{format.score(event.peak_score)}</td>
      <td className={`${CELL} ${WIDE}`}>{format.score(event.threshold)}</td>
      <td className={`${CELL} ${WIDE}`}>{format.number(event.windows)}</td>
      <td className={`${CELL} ${WIDE} font-mono text-xs`}>{event.model_digest ? shortDigest(event.model_digest) : t.none}</td>
    </tr>
  );
}
