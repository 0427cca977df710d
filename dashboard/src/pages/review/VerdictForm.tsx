// What it was, more exactly: the cause, a comment, and what that means for the next baseline.
import { useState } from "react";
import type { Cause, Verdict } from "@/api/reviews";
import { useMessages } from "@/i18n";
import { useFormat } from "@/lib/use-format";
import { CAUSES } from "./causes";

export interface Said {
  verdict: Verdict;
  cause: Cause;
  comment: string;
  kept?: boolean;
}

interface Props {
  verdict: Verdict;
  count: number;
  onSave: (said: Said) => void;
  onCancel: () => void;
}

export function VerdictForm({ verdict, count, onSave, onCancel }: Props) {
  const t = useMessages();
  const format = useFormat();
  const causes = CAUSES[verdict];
  const [cause, setCause] = useState<Cause>(causes[0] ?? "other");
  const [keep, setKeep] = useState(false);
  const mayKeep = verdict === "expected" && cause !== "maintenance";
  const kept = verdict === "false_alarm" || (mayKeep && keep);
  return (
    <form
      aria-label={t.review.verdictLong[verdict]}
      className="flex max-h-[60dvh] flex-col gap-3 overflow-y-auto p-3 sm:p-4"
      onKeyDown={(event) => event.key === "Escape" && onCancel()}
      onSubmit={(event) => {
        event.preventDefault();
        const comment = new FormData(event.currentTarget).get("comment");
        onSave({ verdict, cause, comment: typeof comment === "string" ? comment : "", ...(mayKeep ? { kept: keep } : {}) });
      }}
    >
      <fieldset>
        <legend className="mb-1.5 text-sm font-medium">{t.review.causeLegend[verdict]}</legend>
        <div className="flex flex-wrap gap-1.5">
          {causes.map((each) => (
            <label
              key={each}
              className={`button cursor-pointer has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-accent ${each === cause ? "border-accent bg-accent-wash" : ""}`}
            >
              <input
                type="radio"
                name="cause"
                value={each}
                autoFocus={each === causes[0]}
                checked={each === cause}
                onChange={() => setCause(each)}
                className="size-3.5 accent-(--accent)"
              />
              {t.review.cause[each]}
            </label>
          ))}
        </div>
      </fieldset>
      {mayKeep && (
        <label className="flex min-h-9 items-center gap-2 text-sm">
          <input type="checkbox" className="size-4 accent-(--accent)" checked={keep} onChange={(event) => setKeep(event.target.checked)} />
          {t.review.keep}
        </label>
      )}
      <label className="flex flex-col gap-1">
        <span className="label">
          {t.review.comment} ({t.review.commentHint})
        </span>
        <input name="comment" maxLength={2000} autoComplete="off" className="field w-full" />
      </label>
      <div className="flex flex-wrap items-center gap-2">
        <button type="submit" className="button button-primary max-sm:grow">
          {count === 1 ? t.review.save : t.review.saveMany(format.number(count))}
        </button>
        <button type="button" className="button" onClick={onCancel}>
          {t.review.cancel}
        </button>
        <p className="text-xs text-faint">{t.review.consequence[kept ? "kept" : "left_out"]}</p>
      </div>
    </form>
  );
}
