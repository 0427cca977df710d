// Agents as a table, one line each; of many only the lines near the window are in the document.
import { Link } from "@tanstack/react-router";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { memo, useRef } from "react";
import type { Agent } from "@/api/agents";
import { TimeAgo } from "@/components/TimeAgo";
import { useMessages } from "@/i18n";
import { behindUs, UP_TO_DATE_US, type AgentSort } from "@/lib/agent-list";
import { shortId, type Condition } from "@/lib/agents";
import { usePlace } from "@/lib/use-width";
import { Backlog, ClockSkew, ConditionBadge, LinkQuality, Version } from "./words";

const LINE_PX = 56;
/** Up to so many are in the document whole: printed and found by the browser's own search. */
const ALL_AT_ONCE = 150;

interface Props {
  agents: readonly { agent: Agent; condition: Condition }[];
  newest: string | null;
  sort: AgentSort;
  onSort: (sort: AgentSort) => void;
}

export function AgentsTable({ agents, newest, sort, onSort }: Props) {
  const t = useMessages();
  const body = useRef<HTMLTableSectionElement>(null);
  const place = usePlace(body);
  const lines = useWindowVirtualizer({
    count: place ? agents.length : 0,
    estimateSize: () => LINE_PX,
    overscan: agents.length > ALL_AT_ONCE ? 8 : agents.length,
    scrollMargin: place?.top ?? 0,
  });
  const shown = lines.getVirtualItems();
  const { scrollMargin } = lines.options;
  const head = { sort, onSort };
  return (
    <div className="panel">
      <table aria-rowcount={agents.length + 1} className="w-full table-fixed text-sm">
        <caption className="sr-only">{t.agents.title}</caption>
        <thead className="border-b border-line text-left text-xs text-faint">
          <tr aria-rowindex={1}>
            <Heading {...head} by="need" label={t.agents.condition} className="w-36 max-sm:w-32" />
            <Heading {...head} by="name" label={t.agents.agent} className="" />
            <Heading {...head} by="backlog" label={t.agents.backlog} className="w-80 max-lg:w-64 max-md:hidden" />
            <Heading label={t.agents.link.title} className="w-36 max-lg:hidden" />
            <Heading label={t.agents.clockShort} className="w-24 text-right max-xl:hidden" />
            <Heading label={t.agents.version} className="w-32 max-lg:hidden" />
            <Heading {...head} by="heard" label={t.agents.lastHeard} className="w-32 max-sm:w-24" />
          </tr>
        </thead>
        <tbody ref={body}>
          <Space height={(shown[0]?.start ?? scrollMargin) - scrollMargin} />
          {shown.map(({ index }) => {
            const found = agents[index];
            return found && <Line key={found.agent.id} {...found} newest={newest} index={index} />;
          })}
          <Space height={lines.getTotalSize() - ((shown.at(-1)?.end ?? scrollMargin) - scrollMargin)} />
        </tbody>
      </table>
    </div>
  );
}

function Space({ height }: { height: number }) {
  return height > 0 ? <tr aria-hidden style={{ height }} /> : null;
}

interface HeadingProps {
  label: string;
  className: string;
  by?: AgentSort;
  sort?: AgentSort;
  onSort?: (sort: AgentSort) => void;
}

function Heading({ label, className, by, sort, onSort }: HeadingProps) {
  const chosen = by !== undefined && by === sort;
  return (
    <th scope="col" aria-sort={chosen ? (by === "heard" || by === "backlog" ? "descending" : "ascending") : undefined} className={`px-3 py-1 font-medium ${className}`}>
      {by ? (
        <button type="button" className={`-mx-1 inline-flex min-h-8 items-center gap-1 rounded px-1 text-left hover:text-ink ${chosen ? "text-ink" : ""}`} onClick={() => onSort?.(by)}>
          {label}
          <span aria-hidden>{chosen ? "↓" : ""}</span>
        </button>
      ) : (
        label
      )}
    </th>
  );
}

interface LineProps {
  agent: Agent;
  condition: Condition;
  newest: string | null;
  index: number;
}

const Line = memo(function Line({ agent, condition, newest, index }: LineProps) {
  const t = useMessages();
  // On a phone, where there is no column for it, it stands in place of what tells agents of one name apart.
  const isBehind = (behindUs(agent) ?? 0) > UP_TO_DATE_US;
  return (
    <tr aria-rowindex={index + 2} data-agent={agent.id} data-agent-state={condition} className="relative h-14 border-b border-line last:border-0 hover:bg-raised">
      <td className="px-3">
        <ConditionBadge condition={condition} />
      </td>
      <td className="px-3">
        <Link to="/agents/$agentId" params={{ agentId: agent.id }} className="block truncate font-semibold after:absolute after:inset-0" title={agent.name}>
          {agent.name}
        </Link>
        <span className="block truncate text-xs text-faint">
          {isBehind && (
            <span className="md:hidden">
              <Backlog agent={agent} />
            </span>
          )}
          <span className={isBehind ? "max-md:hidden" : ""}>
            <code className="font-mono">{shortId(agent.id)}</code>
            {` · ${t.agents.sensors(agent.sensors.length)}`}
          </span>
          {agent.copies.length > 0 && ` · ${t.agents.copies.some(agent.copies.length)}`}
        </span>
      </td>
      <td className="truncate px-3 max-md:hidden">
        <Backlog agent={agent} />
      </td>
      <td className="truncate px-3 max-lg:hidden">
        <LinkQuality agent={agent} />
      </td>
      <td className="px-3 text-right whitespace-nowrap max-xl:hidden">
        <ClockSkew agent={agent} />
      </td>
      <td className="truncate px-3 max-lg:hidden">
        <Version version={agent.version} newest={newest} />
      </td>
      <td className="truncate px-3 text-xs text-faint">{agent.last_seen_us === null ? t.agents.never : <TimeAgo us={agent.last_seen_us} />}</td>
    </tr>
  );
});
