// One agent: its state, how it is, what it holds, its sensors and self-checks, and what can be done with it.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useAct, type Agent } from "@/api/agents";
import { ApiError } from "@/api/client";
import { checksQuery } from "@/api/queries";
import { Checks } from "@/components/Checks";
import { explain } from "@/components/ErrorState";
import { Facts } from "@/components/Facts";
import { TimeAgo } from "@/components/TimeAgo";
import { useMessages } from "@/i18n";
import type { Messages } from "@/i18n/en";
import { conditionOf, shortId, type Condition } from "@/lib/agents";
import { useServerNowUs } from "@/lib/clock";
import { useFormat } from "@/lib/use-format";
import { AgentActions } from "./AgentActions";
import { Copies } from "./Copies";
import { Gaps } from "./Gaps";
import { Backlog, ClockSkew, ConditionBadge, EDGE, LinkQuality, Version } from "./words";

export function AgentPanel({ agent, newest }: { agent: Agent; newest: string | null }) {
  const act = useAct(agent.id);
  const condition = conditionOf(agent, useServerNowUs());
  const t = useMessages();
  return (
    <section aria-label={agent.name} className={`panel flex min-w-0 flex-col gap-4 border-l-[3px] p-4 ${EDGE[condition]}`} data-agent={agent.id} data-agent-state={condition}>
      <div className="flex items-start justify-between gap-3">
        <div className="min-w-0">
          <h1 className="text-xl font-semibold tracking-tight [overflow-wrap:anywhere]">{agent.name}</h1>
          <code className="font-mono text-xs text-faint" title={agent.id}>
            {shortId(agent.id)}
          </code>
        </div>
        <ConditionBadge condition={condition} />
      </div>
      {condition !== "active" && <Why agent={agent} condition={condition} />}
      <Copies agent={agent} act={act} />
      <div className="grid gap-x-10 gap-y-5 lg:grid-cols-2">
        <div className="flex min-w-0 flex-col gap-4">
          <AgentFacts agent={agent} newest={newest} />
          <AgentActions agent={agent} act={act} />
          <p role="status" className="text-sm text-soft empty:hidden">
            {act.isSuccess && t.agents.done}
            {act.isError && <span className="text-alarm">{refusal(act.error, t)}</span>}
          </p>
        </div>
        <div className="flex min-w-0 flex-col gap-4">
          <Sensors agent={agent} />
          <Gaps agent={agent} />
          {!agent.replaced_by && <OwnChecks agent={agent} />}
        </div>
      </div>
    </section>
  );
}

function Why({ agent, condition }: { agent: Agent; condition: Condition }) {
  const t = useMessages();
  const { replaced_by: successor, state_cause: cause } = agent;
  if (successor) return <p className="text-sm">{t.agents.replaced(successor.name, shortId(successor.id))}</p>;
  return (
    <p className="text-sm">
      {t.agents.stateHint[condition]}
      {cause === "revoked" && <span className="block text-xs text-faint">{t.agents.revokedBy}</span>}
    </p>
  );
}

/** Why the collector did not do what was clicked, in the page's language where it has a word for it. */
function refusal(error: unknown, t: Messages): string {
  const words: Partial<Record<string, string>> = t.agents.refused;
  return (error instanceof ApiError && words[error.kind]) || explain(error, t);
}

function AgentFacts({ agent, newest }: { agent: Agent; newest: string | null }) {
  const t = useMessages();
  const format = useFormat();
  const { dropped, dead_letters: refused } = agent;
  return (
    <Facts
      facts={[
        [t.agents.version, <Version key="version" version={agent.version} newest={newest} />],
        [t.agents.address, agent.address ?? t.agents.unknown],
        [t.agents.enrolled, format.dateTime(agent.enrolled_us)],
        [t.agents.lastHeard, agent.last_seen_us === null ? t.agents.never : <TimeAgo us={agent.last_seen_us} />],
        [t.agents.backlog, <Backlog key="backlog" agent={agent} />],
        [t.agents.link.title, <LinkQuality key="link" agent={agent} whole />],
        [t.agents.clock, <ClockSkew key="clock" agent={agent} />],
        [t.agents.lost, dropped === null ? t.agents.unknown : t.agents.lostWindows(format.number(dropped), format.number(refused ?? 0))],
        [t.agents.clips, agent.clips_waiting === null ? t.agents.unknown : format.number(agent.clips_waiting)],
        [
          t.agents.credential,
          agent.rotating ? t.agents.rotating : t.agents.credentialSince(format.dateTime(agent.credential_since_us)),
        ],
      ]}
    />
  );
}

function Sensors({ agent }: { agent: Agent }) {
  const t = useMessages();
  const format = useFormat();
  if (agent.sensors.length === 0) return <p className="text-sm text-faint">{t.agents.noSensors}</p>;
  return (
    <details className="text-sm" open={agent.sensors.length <= 4}>
      <summary className="min-h-7 cursor-pointer py-0.5 text-soft">{t.agents.sensors(agent.sensors.length)}</summary>
      <ul className="mt-1.5 flex flex-col gap-1">
        {agent.sensors.map((sensor) => (
          <li key={sensor.id} className="flex flex-wrap items-baseline justify-between gap-x-3">
            <Link to="/machines/$machineId" params={{ machineId: sensor.machine_id }} className="inline-block min-h-7 py-0.5 underline decoration-line-strong underline-offset-4 [overflow-wrap:anywhere]">
              {`${sensor.machine_name} · ${sensor.name}`}
            </Link>
            <span className="text-xs text-faint">{t.agents.measurements(format.number(sensor.measurements), sensor.measurements === 1)}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}

/** Checks of the agent as a whole; those of its sensors stand at their machines. */
function OwnChecks({ agent }: { agent: Agent }) {
  const t = useMessages();
  const found = useQuery(checksQuery(agent.id));
  if (!found.data) return <p className="text-sm text-faint">{found.isError ? explain(found.error, t) : t.checks.loading}</p>;
  const own = found.data.filter((check) => check.sensor_id === null);
  if (own.length > 0) return <Checks checks={own} />;
  return <p className="text-sm text-faint">{agent.last_seen_us === null ? t.checks.notYet : t.checks.none}</p>;
}
