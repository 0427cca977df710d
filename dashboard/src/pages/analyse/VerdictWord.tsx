// What a recording's scores come to, as shape and words.
import { StatusGlyph } from "@/components/StatusGlyph";
import { useMessages } from "@/i18n";
import { type Verdict, verdictOf } from "@/lib/analysis-verdict";
import { TONE, TONE_TEXT } from "@/lib/status";
import { useFormat } from "@/lib/use-format";

const STATE = { unscored: "waiting", usual: "normal", partly: "anomalous", strange: "alarm" } as const satisfies Record<Verdict, string>;

export function VerdictWord({ windows, anomalous }: { windows: number; anomalous: number | null }) {
  const t = useMessages();
  const format = useFormat();
  const verdict = verdictOf(windows, anomalous);
  const state = STATE[verdict];
  return (
    <span data-verdict={verdict} className={`inline-flex items-center gap-1.5 text-sm font-medium ${TONE_TEXT[TONE[state]]}`}>
      <StatusGlyph state={state} size={18} progress={undefined} />
      {verdict === "partly" ? t.analyse.partly(format.number(anomalous), format.number(windows)) : t.analyse.verdict[verdict]}
    </span>
  );
}
