// The last events with what people said of them, else with fields to be ticked on paper beside the machine.
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { eventsQuery } from "@/api/queries";
import type { VerdictOut } from "@/api/reviews";
import type { EventOut } from "@/api/types";
import { ErrorState } from "@/components/ErrorState";
import { useMessages } from "@/i18n";
import type { Messages } from "@/i18n/en";
import { serverNowUs } from "@/lib/clock";
import type { Format } from "@/lib/format";
import { reasonWords } from "@/lib/reason-words";
import { useFormat } from "@/lib/use-format";
import { PaperTable } from "./PaperTable";

const SHOWN = 6;
const REASONS = 2;
const VERDICTS = ["confirmed", "false_alarm", "expected"] as const;

export function ReportEvents({ machineId }: { machineId: string }) {
  const t = useMessages();
  const format = useFormat();
  const events = useQuery(eventsQuery(machineId));
  if (events.isError && !events.data) return <ErrorState error={events.error} onRetry={() => void events.refetch()} />;
  const items = events.data?.items.slice(0, SHOWN) ?? [];
  const columns = [
    { name: t.events.start, whole: true },
    { name: t.events.duration, whole: true },
    { name: t.events.peak, whole: true },
    { name: t.report.reasons },
    { name: t.report.verdict, whole: true },
    { name: t.report.remark, lined: true },
  ];
  return (
    <section aria-label={t.report.events} className="min-w-0">
      <h2 className="font-semibold">{t.report.events}</h2>
      {events.isSuccess && items.length === 0 && <p className="text-sm text-faint">{t.report.noEvents}</p>}
      {items.length > 0 && <PaperTable label={t.report.events} columns={columns} rows={items.map((event) => ({ key: event.id, state: event.state, cells: cellsOf(event, t, format) }))} />}
    </section>
  );
}

function cellsOf(event: EventOut, t: Messages, format: Format): ReactNode[] {
  const end = event.state === "open" ? serverNowUs() : event.end_us;
  const told = event.reasons.slice(0, REASONS).map((reason) => reasonWords(reason, t, format.locale));
  return [
    <span key="start">
      {format.dateTime(event.start_us)}
      {event.state === "open" && <span className="block font-medium text-alarm">{t.events.open}</span>}
    </span>,
    format.duration(end - event.start_us),
    `${format.score(event.peak_score)} / ${format.score(event.threshold)}`,
    told.map(({ what, change }) => `${what} ${change}`).join("; ") || t.none,
    VERDICTS.map((verdict) => (
      <span key={verdict} className={`block ${event.verdict?.verdict === verdict ? "font-semibold" : ""}`}>
        <span aria-hidden>{event.verdict?.verdict === verdict ? "☒ " : "☐ "}</span>
        {t.review.verdictLong[verdict]}
      </span>
    )),
    event.verdict && <Said key="remark" verdict={event.verdict} />,
  ];
}

function Said({ verdict }: { verdict: VerdictOut }) {
  const t = useMessages();
  const format = useFormat();
  return (
    <>
      {t.review.cause[verdict.cause]}
      {verdict.comment && `: “${verdict.comment}”`}
      <span className="block text-faint">{t.review.by(verdict.actor, format.dateTime(verdict.at_us))}</span>
    </>
  );
}
