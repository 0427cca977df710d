// How many machines stand in each state; pressed, a state is what the page shows.
import type { State } from "@/api/types";
import { StatusGlyph } from "@/components/StatusGlyph";
import { useMessages } from "@/i18n";
import { STATES_BY_NEED, TONE, TONE_TEXT } from "@/lib/status";
import { useFormat } from "@/lib/use-format";

interface Props {
  counts: ReadonlyMap<State, number>;
  chosen: readonly State[];
  onToggle: (state: State) => void;
}

export function StatusCounts({ counts, chosen, onToggle }: Props) {
  const t = useMessages();
  const format = useFormat();
  return (
    <ul aria-label={t.fleet.counts} className="flex flex-wrap items-center gap-1.5 text-sm">
      {STATES_BY_NEED.filter((state) => counts.has(state) || chosen.includes(state)).map((state) => (
        <li key={state}>
          <button
            type="button"
            data-count={state}
            aria-pressed={chosen.includes(state)}
            title={t.stateHint[state]}
            onClick={() => onToggle(state)}
            className={`flex min-h-8 items-center gap-1.5 rounded-full border px-2.5 hover:border-line-strong aria-pressed:border-current aria-pressed:bg-raised pointer-coarse:min-h-11 ${chosen.includes(state) ? "" : "border-line"} ${TONE_TEXT[TONE[state]]}`}
          >
            <StatusGlyph state={state} size={16} progress={0.5} />
            <span className="font-semibold">{format.number(counts.get(state) ?? 0)}</span>
            <span>{t.state[state]}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}
