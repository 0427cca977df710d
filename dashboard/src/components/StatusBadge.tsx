// A state as shape, glyph and word.
import type { State } from "@/api/types";
import { useMessages } from "@/i18n";
import { TONE, TONE_TEXT } from "@/lib/status";
import { StatusGlyph } from "./StatusGlyph";

interface Props {
  state: State;
  progress?: number | undefined;
  large?: boolean;
}

export function StatusBadge({ state, progress, large = false }: Props) {
  const t = useMessages();
  return (
    <span data-state={state} title={t.stateHint[state]} className={`inline-flex items-center gap-1.5 font-medium whitespace-nowrap ${large ? "text-base" : "text-sm"} ${TONE_TEXT[TONE[state]]}`}>
      <StatusGlyph state={state} size={large ? 24 : 18} progress={progress} />
      {t.state[state]}
    </span>
  );
}
