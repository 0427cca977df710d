// Chooses the span of time; a zoom shows the way back to live.
import { getRouteApi, Link } from "@tanstack/react-router";
import { useMessages } from "@/i18n";
import { RANGES, type Range, withoutZoom } from "@/lib/ranges";

const route = getRouteApi("/machines/$machineId");

export function RangePicker({ live, current }: { live: boolean; current: Range }) {
  const t = useMessages();
  return (
    <div className="flex flex-wrap items-center gap-2">
      <nav aria-label={t.machine.range} className="flex overflow-hidden rounded-md border border-line bg-surface text-sm">
        {RANGES.map((range) => (
          <Link
            key={range}
            from={route.id}
            to="/machines/$machineId"
            search={(old) => ({ ...withoutZoom(old), range })}
            resetScroll={false}
            aria-current={live && range === current ? "true" : undefined}
            className={`inline-flex h-9 items-center border-l border-line px-3 -outline-offset-2 first:border-l-0 pointer-coarse:h-11 ${live && range === current ? "bg-accent-wash font-medium text-accent" : "text-soft hover:bg-raised"}`}
          >
            {t.machine.ranges[range]}
          </Link>
        ))}
      </nav>
      {!live && (
        <Link from={route.id} to="/machines/$machineId" search={withoutZoom} resetScroll={false} className="button">
          {t.machine.toLive}
        </Link>
      )}
    </div>
  );
}
