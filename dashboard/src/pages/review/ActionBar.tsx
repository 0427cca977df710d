// The bar at the foot of the review, within a thumb's reach: what was it, said of one event or of those selected.
import type { ReactNode } from "react";
import type { Verdict } from "@/api/reviews";
import { NeedsRole } from "@/components/NeedsRole";
import { VerdictSign } from "@/components/VerdictSign";
import { useMessages } from "@/i18n";
import { useFormat } from "@/lib/use-format";
import { KEY_OF, VERDICTS } from "./causes";
import { type Said, VerdictForm } from "./VerdictForm";

interface Props {
  asking: Verdict | null;
  onAsk: (verdict: Verdict | null) => void;
  onSay: (said: Said) => void;
  /** How many events are meant: those selected, else the one that is open. */
  count: number;
  selected: number;
  onClear: () => void;
  saving: boolean;
  /** What was said last. */
  children: ReactNode;
}

export function ActionBar({ asking, onAsk, onSay, count, selected, onClear, saving, children }: Props) {
  const t = useMessages();
  const format = useFormat();
  return (
    <section
      aria-label={t.review.actions}
      className="sticky bottom-0 z-10 -mx-3 mt-auto -mb-4 border-t border-line-strong bg-surface pb-[env(safe-area-inset-bottom)] shadow-[0_-2px_12px_rgb(0_0_0/0.08)] sm:mx-0 sm:-mb-5 sm:rounded-t-lg sm:border-x"
    >
      {children}
      {selected > 0 && (
        <div className="flex items-center justify-between gap-2 border-b border-line px-3 py-1 text-sm sm:px-4">
          <span role="status" className="font-medium">
            {t.review.selected(selected, format.number(selected))}
          </span>
          <button type="button" className="button" onClick={onClear}>
            {t.review.clear}
          </button>
        </div>
      )}
      <NeedsRole role="operator" instead="reason" beside="px-3 py-2 sm:px-4">
        {asking ? (
          <VerdictForm key={asking} verdict={asking} count={count} onSave={onSay} onCancel={() => onAsk(null)} />
        ) : (
          <div className="grid grid-cols-3 gap-2 p-2 sm:p-3">
            {VERDICTS.map((verdict) => (
              <button
                key={verdict}
                type="button"
                disabled={count === 0 || saving}
                aria-keyshortcuts={KEY_OF[verdict]}
                className="button min-h-14! flex-col gap-0.5! px-1! leading-tight sm:min-h-11! sm:flex-row sm:gap-2!"
                onClick={() => onAsk(verdict)}
              >
                <VerdictSign verdict={verdict} />
                {t.review.verdict[verdict]}
                <kbd aria-hidden className="key hidden [@media(hover:hover)]:inline">
                  {KEY_OF[verdict]}
                </kbd>
              </button>
            ))}
          </div>
        )}
      </NeedsRole>
    </section>
  );
}
