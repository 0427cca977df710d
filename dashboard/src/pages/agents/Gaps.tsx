// What an agent measured and could not deliver: how many windows, of what, when and why.
import { useInfiniteQuery } from "@tanstack/react-query";
import { gapsQuery, type Agent, type Gap } from "@/api/agents";
import { explain } from "@/components/ErrorState";
import { More } from "@/components/More";
import { useMessages } from "@/i18n";
import { useFormat } from "@/lib/use-format";

export function Gaps({ agent }: { agent: Agent }) {
  const t = useMessages();
  const format = useFormat();
  const found = useInfiniteQuery(gapsQuery(agent.id));
  const gaps = found.data?.pages.flatMap((page) => page.items) ?? [];
  if (found.isError && gaps.length === 0) return <p className="text-sm text-faint">{explain(found.error, t)}</p>;
  if (gaps.length === 0) return null;
  const lost = found.data?.pages[0]?.windows_lost ?? 0;
  return (
    <details className="text-sm">
      <summary className="min-h-7 cursor-pointer py-0.5 text-soft">{t.agents.gaps.title(format.number(lost), lost === 1)}</summary>
      <ul className="mt-1.5 flex flex-col gap-2">
        {gaps.map((gap) => (
          <OneGap key={gap.id} agent={agent} gap={gap} />
        ))}
      </ul>
      <More of={found} className="mt-2" />
    </details>
  );
}

function OneGap({ agent, gap }: { agent: Agent; gap: Gap }) {
  const t = useMessages();
  const format = useFormat();
  const words = t.agents.gaps;
  const sensor = agent.sensors.find((each) => each.id === gap.sensor_id);
  const from = gap.first_us ?? gap.last_us;
  const to = gap.last_us ?? gap.first_us;
  const when = from === null || to === null ? words.someTime : from === to ? format.dateTime(from) : words.span(format.dateTime(from), format.dateTime(to));
  return (
    <li data-gap={gap.reason}>
      <p>
        {gap.windows === null ? words.someWindows : words.windows(format.number(gap.windows), gap.windows === 1)}
        <span className="text-soft [overflow-wrap:anywhere]"> · {sensor ? `${sensor.machine_name} · ${sensor.name}` : words.someSensor}</span>
      </p>
      <p className="text-soft">{words.reason[gap.reason] ?? gap.reason}</p>
      <p className="text-xs text-faint">{when}</p>
    </li>
  );
}
