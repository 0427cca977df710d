// The three steps, each with whether it is done: by the agent that enrolled, by what was heard of it.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { agentQuery, agentsQuery, type Agent } from "@/api/agents";
import { enrolmentKeyQuery, type KeyMade } from "@/api/enrolment";
import { useMay } from "@/api/session";
import { EmptyState } from "@/components/EmptyState";
import { ErrorState } from "@/components/ErrorState";
import { SkeletonPanels } from "@/components/Skeleton";
import { useMessages } from "@/i18n";
import { chosenOf, type StartSearch } from "@/lib/start-search";
import { StepAgent } from "./StepAgent";
import { StepMachine } from "./StepMachine";
import { StepSound } from "./StepSound";

interface Props {
  search: StartSearch;
  onSearch: (search: StartSearch) => void;
}

export function Steps(props: Props) {
  const t = useMessages();
  const may = useMay("administrator");
  return (
    <div className="mx-auto flex w-full max-w-3xl flex-col gap-4">
      <div>
        <h1 className="text-xl font-semibold tracking-tight">{t.start.title}</h1>
        <p className="text-sm text-soft">{t.start.lead}</p>
      </div>
      {may ? (
        <Administer {...props} />
      ) : (
        <div className="panel">
          <EmptyState title={t.start.ask} />
        </div>
      )}
    </div>
  );
}

/** Of several agents the one that enrolled last. */
function newestOf(agents: readonly Agent[] | undefined): string | undefined {
  return agents?.filter(({ state, sensors }) => state === "active" && sensors.length > 0).toSorted((a, b) => b.enrolled_us - a.enrolled_us)[0]?.id;
}

function Administer({ search, onSearch }: Props) {
  const [made, setMade] = useState<KeyMade | null>(null);
  const chosen = chosenOf(search);
  const key = useQuery({ ...enrolmentKeyQuery(search.key ?? ""), enabled: search.key !== undefined });
  const fresh = search.key === undefined && chosen === null && !search.again;
  const agents = useQuery({ ...agentsQuery, enabled: fresh });
  const agentId = search.key === undefined ? (fresh ? newestOf(agents.data) : undefined) : key.data?.agents[0]?.id;
  const agent = useQuery({ ...agentQuery(agentId ?? ""), enabled: agentId !== undefined }).data;
  const error = key.error ?? (fresh ? agents.error : null);
  if (error && !key.data && !agents.data) return <ErrorState error={error} onRetry={() => void (search.key ? key.refetch() : agents.refetch())} />;
  if (fresh && agents.isPending) return <SkeletonPanels count={3} className="h-24" />;
  const machine = agent?.sensors[0]?.machine_id;
  const enrolled = agentId !== undefined;
  return (
    <ol className="flex flex-col gap-4">
      <StepMachine chosen={chosen} agent={agent} done={enrolled} onSearch={(next) => onSearch({ ...search, ...next })} />
      <StepAgent search={search} chosen={chosen} made={made} agent={agent} onSearch={onSearch} onMade={setMade} />
      <StepSound agent={agent} machineId={machine} />
      {enrolled && <Again />}
    </ol>
  );
}

function Again() {
  const t = useMessages();
  return (
    <li className="flex flex-wrap gap-2">
      <Link to="/start" search={{ again: true }} className="button">
        {t.start.another}
      </Link>
      <Link to="/" className="button">
        {t.start.toFleet}
      </Link>
    </li>
  );
}
