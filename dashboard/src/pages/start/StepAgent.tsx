// The second step: install and enrol the agent, by lines to copy; it is done once the agent has enrolled and was heard.
import { useQuery } from "@tanstack/react-query";
import type { Agent } from "@/api/agents";
import { type KeyMade, useMakeKey } from "@/api/enrolment";
import { systemQuery } from "@/api/queries";
import { AddressNote } from "@/components/AddressNote";
import { Command } from "@/components/Command";
import { EnrolLine } from "@/components/EnrolLine";
import { explain } from "@/components/ErrorState";
import { KeyWatch } from "@/components/KeyWatch";
import { useMessages } from "@/i18n";
import { lines, WAYS, type Chosen, type Way } from "@/lib/enrolment";
import type { StartSearch } from "@/lib/start-search";
import { Step } from "./Step";

interface Props {
  search: StartSearch;
  chosen: Chosen | null;
  made: KeyMade | null;
  agent: Agent | undefined;
  onSearch: (search: StartSearch) => void;
  onMade: (made: KeyMade) => void;
}

export function StepAgent({ search, chosen, made, agent, onSearch, onMade }: Props) {
  const t = useMessages();
  const heard = agent !== undefined && agent.last_seen_us !== null;
  if (heard && made === null) {
    return (
      <Step number={2} title={t.start.agent.title} state="done">
        <p className="text-sm [overflow-wrap:anywhere]">{t.enrol.enrolled(agent.name)}</p>
      </Step>
    );
  }
  if (!chosen && search.key === undefined) return <Step number={2} title={t.start.agent.title} state="later" />;
  // With the line in sight nothing is folded away: there may be one more to type.
  const text = made && made.made.id === search.key ? made : null;
  const way = search.way ?? "package";
  const keep = (next: KeyMade) => {
    onMade(next);
    onSearch({ ...search, key: next.made.id });
  };
  return (
    <Step number={2} title={t.start.agent.title} state={heard ? "done" : "now"}>
      {text && chosen && (
        <>
          <Ways way={way} onWay={(next) => onSearch({ ...search, way: next })} />
          <Lines way={way} chosen={chosen} made={text} />
          <AddressNote address={text.address} />
        </>
      )}
      {!text && search.key !== undefined && !agent && <p className="text-sm text-faint">{t.enrol.gone}</p>}
      {!text && !agent && <MakeKey again={search.key !== undefined} onMade={keep} />}
      {search.key !== undefined && <KeyWatch id={search.key} />}
    </Step>
  );
}

function MakeKey({ again, onMade }: { again: boolean; onMade: (made: KeyMade) => void }) {
  const t = useMessages();
  const make = useMakeKey();
  return (
    <div className="flex flex-col items-start gap-2">
      {!again && <p className="text-sm text-soft">{t.start.agent.lead}</p>}
      <button type="button" className={`button ${again ? "" : "button-primary"}`} disabled={make.isPending} onClick={() => make.mutate({ uses: 1, lifetime_s: 86_400, may_replace: false }, { onSuccess: onMade })}>
        {again ? t.enrol.again : t.start.agent.make}
      </button>
      {make.isError && (
        <p role="alert" className="text-sm text-alarm">
          {explain(make.error, t)}
        </p>
      )}
    </div>
  );
}

function Ways({ way, onWay }: { way: Way; onWay: (way: Way) => void }) {
  const t = useMessages();
  return (
    <fieldset>
      <legend className="mb-1 text-sm text-soft">{t.start.agent.way}</legend>
      <div className="grid gap-2 sm:grid-cols-3">
        {WAYS.map((each) => (
          <label key={each} className="flex items-start gap-2 rounded-md border border-line px-3 py-2 text-sm has-checked:border-accent has-checked:bg-accent-wash">
            <input type="radio" name="way" value={each} checked={way === each} onChange={() => onWay(each)} className="mt-0.5 size-4 accent-accent" />
            <span>
              <span className="font-medium">{t.start.ways[each]}</span>
              <span className="block text-xs text-soft">{t.start.wayHint[each]}</span>
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

function Lines({ way, chosen, made }: { way: Way; chosen: Chosen; made: KeyMade }) {
  const t = useMessages();
  const version = useQuery(systemQuery).data?.version ?? "";
  return (
    <ol className="flex flex-col gap-4">
      {lines(way, chosen, made.enrolment_key, version).map(([name, line]) => (
        <li key={name} className="flex min-w-0 flex-col gap-1.5">
          <p className="text-sm text-soft">{t.start.line[name]}</p>
          {name === "enrol" ? (
            <EnrolLine line={line} />
          ) : (
            <div data-line={name}>
              <Command command={line} />
            </div>
          )}
        </li>
      ))}
    </ol>
  );
}
