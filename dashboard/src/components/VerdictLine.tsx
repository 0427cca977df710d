// What people say that an event was: sign, word, cause, by whom and when, and the comment.
import type { VerdictOut } from "@/api/reviews";
import { useMessages } from "@/i18n";
import { useFormat } from "@/lib/use-format";
import { VerdictSign } from "./VerdictSign";

export function VerdictLine({ verdict }: { verdict: VerdictOut }) {
  const t = useMessages();
  const format = useFormat();
  return (
    <p data-verdict={verdict.verdict} className="flex flex-wrap items-center gap-x-2 gap-y-0.5 text-sm whitespace-normal">
      <span className="inline-flex items-center gap-1.5 font-medium">
        <VerdictSign verdict={verdict.verdict} />
        {t.review.verdictLong[verdict.verdict]}: {t.review.cause[verdict.cause]}
      </span>
      <span className="text-xs text-faint">
        {t.review.by(verdict.actor, format.dateTime(verdict.at_us))} · {t.review.consequence[verdict.kept ? "kept" : "left_out"]}
      </span>
      {verdict.comment && <span className="basis-full text-soft [overflow-wrap:anywhere]">“{verdict.comment}”</span>}
    </p>
  );
}
