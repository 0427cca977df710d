// Reasons side by side: what differs in words, and the figures that show it.
import type { Reason } from "@/api/types";
import { useMessages } from "@/i18n";
import { deviationWords, reasonWords } from "@/lib/reason-words";
import { useFormat } from "@/lib/use-format";

export function Reasons({ reasons }: { reasons: readonly Reason[] }) {
  const t = useMessages();
  const { locale } = useFormat();
  if (reasons.length === 0) return <p className="text-soft">{t.reasons.none}</p>;
  return (
    <ul aria-label={t.reasons.why} className="flex min-w-0 flex-wrap gap-x-5 gap-y-1">
      {reasons.map((reason) => {
        const { what, change } = reasonWords(reason, t, locale);
        return (
          <li key={what} data-reason={reason.key} title={deviationWords(reason, t, locale)} className="whitespace-normal">
            <span className="text-soft">{what}</span> <span className="font-semibold whitespace-nowrap text-ink">{change}</span>
          </li>
        );
      })}
    </ul>
  );
}
