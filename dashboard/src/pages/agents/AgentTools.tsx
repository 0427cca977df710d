// Which agents are listed: words to search for, and how many there are of each state, to choose one.
import { useMessages } from "@/i18n";
import { CONDITIONS, parseAgentsSearch, type AgentsSearch } from "@/lib/agent-list";
import type { Condition } from "@/lib/agents";
import { useFormat } from "@/lib/use-format";
import { useTyped } from "@/lib/use-typed";

interface Props {
  search: AgentsSearch;
  onSearch: (search: AgentsSearch) => void;
  counts: ReadonlyMap<Condition, number>;
}

/** The search with one part changed; what says nothing is left out, so that addresses stay short. */
function withOne(search: AgentsSearch, part: Partial<Record<"q" | "state", string>>): AgentsSearch {
  return parseAgentsSearch({ ...search, ...part });
}

export function AgentTools({ search, onSearch, counts }: Props) {
  const t = useMessages();
  const format = useFormat();
  const typed = useTyped(search.q ?? "", (q) => onSearch(withOne(search, { q })));
  return (
    <div role="search" className="mb-3 flex flex-wrap items-center gap-2">
      <input type="search" aria-label={t.agents.search} placeholder={t.agents.search} {...typed} className="field min-w-40 flex-1 sm:max-w-72" />
      <ul aria-label={t.agents.condition} className="flex flex-wrap items-center gap-1.5 text-sm">
        {CONDITIONS.filter((state) => counts.has(state) || search.state === state).map((state) => (
          <li key={state}>
            <button
              type="button"
              data-count={state}
              aria-pressed={search.state === state}
              title={t.agents.stateHint[state]}
              onClick={() => onSearch(withOne(search, { state: search.state === state ? "" : state }))}
              className={`flex min-h-8 items-center gap-1.5 rounded-full border px-2.5 text-soft hover:border-line-strong aria-pressed:border-current aria-pressed:bg-raised pointer-coarse:min-h-11 ${search.state === state ? "" : "border-line"}`}
            >
              <span className="font-semibold">{format.number(counts.get(state) ?? 0)}</span>
              <span>{t.agents.state[state]}</span>
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
