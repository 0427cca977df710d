// Asking for an evaluation: over which stored windows, beside which model.
import { useState } from "react";
import { useEvaluate } from "@/api/models";
import type { ModelSummary } from "@/api/types";
import { explain } from "@/components/ErrorState";
import { NeedsRole } from "@/components/NeedsRole";
import { useMessages } from "@/i18n";
import { serverNowUs } from "@/lib/clock";
import { useFormat } from "@/lib/use-format";

const HOUR_US = 3_600e6;
const SPANS = { hour: HOUR_US, day: 24 * HOUR_US, week: 168 * HOUR_US, month: 720 * HOUR_US } as const;
type SpanName = keyof typeof SPANS;
const NAMES = Object.keys(SPANS) as SpanName[];

interface Props {
  digest: string;
  /** The one to compare with; where it is not given, one of the `others` can be chosen. */
  other?: string;
  others?: readonly ModelSummary[];
}

export function EvaluateForm({ digest, other, others = [] }: Props) {
  const t = useMessages();
  const format = useFormat();
  const evaluate = useEvaluate();
  const [span, setSpan] = useState<SpanName>("week");
  const [chosen, setChosen] = useState("");
  const start = () => {
    const to = Math.round(serverNowUs());
    evaluate.mutate({ digest, fromUs: to - SPANS[span], toUs: to, compareWith: other ?? (chosen === "" ? undefined : chosen) });
  };
  return (
    <NeedsRole role="operator">
      <form
        className="flex flex-wrap items-end gap-2"
        onSubmit={(event) => {
          event.preventDefault();
          start();
        }}
      >
        <label className="flex flex-col gap-1">
          <span className="label">{t.models.span}</span>
          <select className="field" value={span} onChange={(event) => setSpan(NAMES.find((each) => each === event.target.value) ?? span)}>
            {NAMES.map((each) => (
              <option key={each} value={each}>
                {t.models.spans[each]}
              </option>
            ))}
          </select>
        </label>
        {other === undefined && (
          <label className="flex flex-col gap-1">
            <span className="label">{t.models.beside}</span>
            <select className="field" value={chosen} onChange={(event) => setChosen(event.target.value)}>
              <option value="">{t.models.besideRunning}</option>
              {others.filter((each) => each.digest !== digest).map((each) => (
                <option key={each.digest} value={each.digest}>
                  {t.models.version(format.number(each.version))}
                </option>
              ))}
            </select>
          </label>
        )}
        <button type="submit" className="button" disabled={evaluate.isPending}>
          {other === undefined ? t.models.evaluate : t.models.evaluateBoth}
        </button>
      </form>
      {evaluate.isError && (
        <p role="alert" className="mt-2 text-sm text-alarm">
          {explain(evaluate.error, t)}
        </p>
      )}
    </NeedsRole>
  );
}
