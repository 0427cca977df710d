// All agents: those that wait for a decision first.
import { useQuery } from "@tanstack/react-query";
import { agentsQuery } from "@/api/agents";
import { EmptyState } from "@/components/EmptyState";
import { ErrorState } from "@/components/ErrorState";
import { SkeletonPanels } from "@/components/Skeleton";
import { useMessages } from "@/i18n";
import { byNeed } from "@/lib/agents";
import { useServerNowUs } from "@/lib/clock";
import { AgentPanel } from "./AgentPanel";

export function AgentsPage() {
  const t = useMessages();
  const agents = useQuery(agentsQuery);
  const now = useServerNowUs();
  const found = agents.data;
  return (
    <>
      <title>{`${t.agents.title} · ${t.app.name}`}</title>
      <h1 className="text-xl font-semibold tracking-tight">{t.agents.title}</h1>
      <p className="mb-4 text-sm text-faint">{t.agents.lead}</p>
      {agents.isError && !found && <ErrorState error={agents.error} onRetry={() => void agents.refetch()} />}
      {found?.length === 0 && (
        <div className="panel">
          <EmptyState title={t.agents.empty}>
            <p>{t.agents.emptyHow}</p>
            <code className="mt-1 block font-mono">{t.agents.emptyCommand}</code>
          </EmptyState>
        </div>
      )}
      <ul className="grid grid-cols-[repeat(auto-fill,minmax(min(100%,24rem),1fr))] items-start gap-3">
        {agents.isPending && <SkeletonPanels count={4} className="h-32" />}
        {found?.toSorted(byNeed(now)).map((agent) => <AgentPanel key={agent.id} agent={agent} />)}
      </ul>
    </>
  );
}
