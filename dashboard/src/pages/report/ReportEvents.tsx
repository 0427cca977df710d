// The last events with what people said of them, else with fields to be ticked on paper beside the machine.
import { useQuery } from "@tanstack/react-query";
import { eventsQuery } from "@/api/queries";
import type { VerdictOut } from "@/api/reviews";
import { ErrorState } from "@/components/ErrorState";
import { useMessages } from "@/i18n";
import { serverNowUs } from "@/lib/clock";
import { reasonWords } from "@/lib/reason-words";
import { useFormat } from "@/lib/use-format";

const SHOWN = 6;
const REASONS = 2;
const VERDICTS = ["confirmed", "false_alarm", "expected"] as const;
const CELL = "py-1 pr-3 align-top";

export function ReportEvents({ machineId }: { machineId: string }) {
  const t = useMessages();
  const format = useFormat();
  const events = useQuery(eventsQuery(machineId));
  if (events.isError && !events.data) return <ErrorState error={events.error} onRetry={() => void events.refetch()} />;
  const items = events.data?.items.slice(0, SHOWN) ?? [];
  return (
    <section aria-label={t.report.events} className="min-w-0">
      <h2 className="font-semibold">{t.report.events}</h2>
      {events.isSuccess && items.length === 0 && <p className="text-sm text-faint">{t.report.noEvents}</p>}
      {items.length > 0 && (
        <div className="overflow-x-auto" role="group" aria-label={t.report.events} tabIndex={0}>
          <table className="w-full min-w-[44rem] text-left text-xs print:min-w-0">
            <thead className="text-faint">
              <tr>
                {[t.events.start, t.events.duration, t.events.peak, t.report.reasons, t.report.verdict, t.report.remark].map((name) => (
                  <th key={name} scope="col" className="pr-3 font-medium">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {items.map((event) => {
                const end = event.state === "open" ? serverNowUs() : event.end_us;
                const told = event.reasons.slice(0, REASONS).map((reason) => reasonWords(reason, t, format.locale));
                return (
                  <tr key={event.id} data-event={event.state} className="border-t border-line">
                    <td className={`${CELL} whitespace-nowrap`}>
                      {format.dateTime(event.start_us)}
                      {event.state === "open" && <span className="block font-medium text-alarm">{t.events.open}</span>}
                    </td>
                    <td className={`${CELL} whitespace-nowrap`}>{format.duration(end - event.start_us)}</td>
                    <td className={`${CELL} whitespace-nowrap`}>
                      {format.score(event.peak_score)} / {format.score(event.threshold)}
                    </td>
                    <td className={CELL}>{told.map(({ what, change }) => `${what} ${change}`).join("; ") || t.none}</td>
                    <td className={`${CELL} whitespace-nowrap`}>
                      {VERDICTS.map((verdict) => (
                        <span key={verdict} className={`block ${event.verdict?.verdict === verdict ? "font-semibold" : ""}`}>
                          <span aria-hidden>{event.verdict?.verdict === verdict ? "☒ " : "☐ "}</span>
                          {t.review.verdictLong[verdict]}
                        </span>
                      ))}
                    </td>
                    <td className="w-1/5 min-w-24 border-b border-line whitespace-normal">{event.verdict && <Said verdict={event.verdict} />}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
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
