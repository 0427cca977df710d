// How many machines stand in each state.
import type { MachineCard } from "@/api/types";
import { StatusGlyph } from "@/components/StatusGlyph";
import { useMessages } from "@/i18n";
import { STATES_BY_NEED, TONE, TONE_TEXT } from "@/lib/status";
import { useFormat } from "@/lib/use-format";

export function StatusCounts({ machines }: { machines: readonly MachineCard[] }) {
  const t = useMessages();
  const format = useFormat();
  const counts = STATES_BY_NEED.map((state) => ({ state, count: machines.filter((each) => each.status === state).length }));
  return (
    <ul aria-label={t.fleet.counts} className="flex flex-wrap items-center gap-x-4 gap-y-1 text-sm">
      {counts
        .filter(({ count }) => count > 0)
        .map(({ state, count }) => (
          <li key={state} data-count={state} title={t.stateHint[state]} className={`flex items-center gap-1.5 ${TONE_TEXT[TONE[state]]}`}>
            <StatusGlyph state={state} size={16} progress={0.5} />
            <span className="font-semibold">{format.number(count)}</span>
            <span>{t.state[state]}</span>
          </li>
        ))}
      <li className="text-faint">{t.fleet.machines(machines.length, format.number(machines.length))}</li>
    </ul>
  );
}
