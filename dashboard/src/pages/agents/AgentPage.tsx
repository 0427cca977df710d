// The page of one agent; its link can be sent to somebody.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { agentQuery, agentsQuery } from "@/api/agents";
import { ErrorState } from "@/components/ErrorState";
import { ChevronIcon } from "@/components/icons";
import { Skeleton } from "@/components/Skeleton";
import { useMessages } from "@/i18n";
import { newestVersion } from "@/lib/agent-list";
import { AgentPanel } from "./AgentPanel";

const route = getRouteApi("/agents/$agentId");

export function AgentPage() {
  const t = useMessages();
  const agent = useQuery(agentQuery(route.useParams().agentId));
  // Which release is the newest is read once.
  const others = useQuery({ ...agentsQuery, refetchInterval: false, staleTime: Infinity });
  return (
    <>
      <title>{`${agent.data?.name ?? t.agents.title} · ${t.app.name}`}</title>
      <Link to="/agents" className="back">
        <ChevronIcon />
        {t.agents.title}
      </Link>
      {agent.isPending && <Skeleton className="h-96 w-full" />}
      {agent.isError && !agent.data && <ErrorState error={agent.error} onRetry={() => void agent.refetch()} />}
      {agent.data && <AgentPanel agent={agent.data} newest={others.data ? newestVersion(others.data) : null} />}
    </>
  );
}
