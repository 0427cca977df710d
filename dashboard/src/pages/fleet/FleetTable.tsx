// Machines as a table, one line each; of many only the lines near the window are in the document.
import { Link } from "@tanstack/react-router";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { memo, useRef } from "react";
import type { MachineCard as Machine } from "@/api/types";
import { SensorHealth, worstHealth } from "@/components/SensorHealth";
import { StatusBadge } from "@/components/StatusBadge";
import { TimeAgo } from "@/components/TimeAgo";
import { useMessages } from "@/i18n";
import type { Sort } from "@/lib/fleet-search";
import { levelDigits } from "@/lib/levels";
import { reasonWords } from "@/lib/reason-words";
import { useFormat } from "@/lib/use-format";
import { usePlace } from "@/lib/use-width";
import { ALL_AT_ONCE } from "./limits";
import { LastHour } from "./LastHour";
import { speaker } from "./speaker";

const LINE_PX = 52;

interface Props {
  machines: readonly Machine[];
  sort: Sort;
  onSort: (sort: Sort) => void;
}

export function FleetTable({ machines, sort, onSort }: Props) {
  const t = useMessages();
  const body = useRef<HTMLTableSectionElement>(null);
  const place = usePlace(body);
  const lines = useWindowVirtualizer({
    count: place ? machines.length : 0,
    estimateSize: () => LINE_PX,
    overscan: machines.length > ALL_AT_ONCE ? 8 : machines.length,
    scrollMargin: place?.top ?? 0,
  });
  const shown = lines.getVirtualItems();
  const above = (shown[0]?.start ?? lines.options.scrollMargin) - lines.options.scrollMargin;
  const below = lines.getTotalSize() - ((shown.at(-1)?.end ?? lines.options.scrollMargin) - lines.options.scrollMargin);
  const head = { sort, onSort };
  return (
    <div className="panel">
      <table aria-rowcount={machines.length + 1} className="w-full table-fixed text-sm">
        <caption className="sr-only">{t.fleet.title}</caption>
        <thead className="border-b border-line text-left text-xs text-faint">
          <tr aria-rowindex={1}>
            <Heading {...head} by="need" label={t.fleet.status} className="w-32 max-sm:w-28" />
            <Heading {...head} by="name" label={t.fleet.machine} className="" />
            <Heading {...head} by="site" label={t.fleet.site} className="w-32 max-md:hidden" />
            <Heading {...head} by="score" label={t.fleet.scoreOfThreshold} className="w-32 text-right max-sm:w-20" />
            <Heading label={t.fleet.levelShort} className="w-28 text-right max-lg:hidden" />
            <Heading label={t.fleet.lastHour} className="w-44 max-md:hidden" />
            <Heading label={t.fleet.why} className="max-xl:hidden" />
            <Heading {...head} by="heard" label={t.machine.heard} className="w-28 max-lg:hidden" />
          </tr>
        </thead>
        <tbody ref={body}>
          <Space height={above} />
          {shown.map(({ index }) => {
            const machine = machines[index];
            return machine && <Line key={machine.id} machine={machine} index={index} />;
          })}
          <Space height={below} />
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
  by?: Sort;
  sort?: Sort;
  onSort?: (sort: Sort) => void;
}

function Heading({ label, className, by, sort, onSort }: HeadingProps) {
  const chosen = by !== undefined && by === sort;
  return (
    <th scope="col" aria-sort={chosen ? (by === "score" || by === "heard" ? "descending" : "ascending") : undefined} className={`px-3 py-1 font-medium ${className}`}>
      {by ? (
        <button type="button" className={`-mx-1 inline-flex min-h-8 items-center gap-1 rounded px-1 [text-align:inherit] hover:text-ink ${chosen ? "text-ink" : ""}`} onClick={() => onSort?.(by)}>
          {label}
          {chosen && <span aria-hidden>↓</span>}
        </button>
      ) : (
        label
      )}
    </th>
  );
}

const Line = memo(function Line({ machine, index }: { machine: Machine; index: number }) {
  const t = useMessages();
  const format = useFormat();
  const sensor = speaker(machine);
  const health = worstHealth(machine.sensors);
  const { learning } = sensor ?? {};
  return (
    <tr aria-rowindex={index + 2} data-machine={machine.name} className="relative h-[52px] border-b border-line last:border-0 hover:bg-raised">
      <td className="px-3 [&>span]:align-middle">
        <StatusBadge state={machine.status} progress={learning ? learning.windows / learning.needed : undefined} />
      </td>
      <td className="px-3">
        <Link to="/machines/$machineId" params={{ machineId: machine.id }} className="block truncate font-semibold after:absolute after:inset-0" title={machine.name}>
          {machine.name}
        </Link>
        <span className="block truncate text-xs text-faint">
          <span className="md:hidden">{[machine.site.name, ...machine.tags].join(" · ")}</span>
          <span className="max-md:hidden">{machine.tags.join(" · ")} </span>
          {health && health.state !== "ok" && health.state !== "unknown" && <SensorHealth health={health} />}
        </span>
      </td>
      <td className="truncate px-3 text-soft max-md:hidden">{machine.site.name}</td>
      <td className="px-3 text-right">
        {learning ? (
          <span className="text-faint">{format.percent(learning.windows / learning.needed)}</span>
        ) : (
          <>
            <span className="font-semibold" data-testid="score">{format.score(machine.score)}</span>
            <span className="block text-xs text-faint">{format.score(machine.threshold)}</span>
          </>
        )}
      </td>
      <td className="px-3 text-right whitespace-nowrap max-lg:hidden">{sensor && format.withUnit(sensor.level, levelDigits(sensor.unit), sensor.unit)}</td>
      <td className="px-3 max-md:hidden">{sensor && <LastHour sensor={sensor} compact />}</td>
      <td className="truncate px-3 text-xs text-soft max-xl:hidden">{sensor?.reasons?.[0] && Object.values(reasonWords(sensor.reasons[0], t, format.locale)).join(" ")}</td>
      <td className="px-3 text-xs text-faint max-lg:hidden">{machine.last_heard_us === null ? t.fleet.never : <TimeAgo us={machine.last_heard_us} />}</td>
    </tr>
  );
});
