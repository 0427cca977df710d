// All agents, those that wait for a decision first; as many as a thousand.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { agentsQuery, type Agent } from "@/api/agents";
import { useMay } from "@/api/session";
import { EmptyState } from "@/components/EmptyState";
import { ErrorState } from "@/components/ErrorState";
import { PlusIcon } from "@/components/icons";
import { SkeletonPanels } from "@/components/Skeleton";
import { useMessages } from "@/i18n";
import { countConditions, findAgents, newestVersion, sortAgents, type AgentsSearch, type AgentSort } from "@/lib/agent-list";
import { conditionOf } from "@/lib/agents";
import { useServerNowUs } from "@/lib/clock";
import { useFormat } from "@/lib/use-format";
import { AgentsTable } from "./AgentsTable";
import { AgentTools } from "./AgentTools";

const ORDER_US = 5_000_000;
const route = getRouteApi("/agents");

export function AgentsPage() {
  const t = useMessages();
  const agents = useQuery(agentsQuery);
  const mayAdd = useMay("administrator");
  const found = agents.data;
  return (
    <>
      <title>{`${t.agents.title} · ${t.app.name}`}</title>
      <div className="mb-3 flex flex-wrap items-end justify-between gap-x-6 gap-y-2">
        <div>
          <h1 className="text-xl font-semibold tracking-tight">{t.agents.title}</h1>
          <p className="text-sm text-faint">{t.agents.lead}</p>
        </div>
        {mayAdd && (
          <Link to="/agents/add" className="button">
            <PlusIcon />
            {t.enrol.title}
          </Link>
        )}
      </div>
      {agents.isError && !found && <ErrorState error={agents.error} onRetry={() => void agents.refetch()} />}
      {found?.length === 0 && (
        <div className="panel">
          <EmptyState title={t.agents.empty}>
            <p>{mayAdd ? t.agents.emptyHow : t.agents.emptyAsk}</p>
            {mayAdd && (
              <Link to="/start" className="button button-primary mt-3">
                {t.start.title}
              </Link>
            )}
          </EmptyState>
        </div>
      )}
      {agents.isPending && (
        <div className="flex flex-col gap-2">
          <SkeletonPanels count={6} className="h-14" />
        </div>
      )}
      {found && found.length > 0 && <List agents={found} />}
    </>
  );
}

function List({ agents }: { agents: readonly Agent[] }) {
  const t = useMessages();
  const format = useFormat();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  // The order follows the clock in steps: a list must not move under a finger each second.
  const now = Math.floor(useServerNowUs() / ORDER_US) * ORDER_US;
  const found = useMemo(() => findAgents(agents, search), [agents, search]);
  const shown = useMemo(
    () =>
      sortAgents(found, search, now)
        .map((agent) => ({ agent, condition: conditionOf(agent, now) }))
        .filter(({ condition }) => search.state === undefined || condition === search.state),
    [found, search, now],
  );
  const ask = (next: AgentsSearch) => void navigate({ search: next, replace: true });
  const sortBy = (sort: AgentSort) => {
    const rest = { ...search };
    delete rest.sort;
    ask(sort === "need" ? rest : { ...rest, sort });
  };
  return (
    <>
      <AgentTools search={search} onSearch={ask} counts={countConditions(found, now)} />
      <p role="status" className="mb-2 text-sm text-faint">
        {t.agents.shown(agents.length, format.number(shown.length), format.number(agents.length))}
      </p>
      {shown.length === 0 ? (
        <div className="panel">
          <EmptyState title={t.agents.nothingFound}>
            <Link to="/agents" search={{}} className="button mt-2">
              {t.agents.showAll}
            </Link>
          </EmptyState>
        </div>
      ) : (
        <AgentsTable agents={shown} newest={newestVersion(agents)} sort={search.sort ?? "need"} onSort={sortBy} />
      )}
    </>
  );
}
