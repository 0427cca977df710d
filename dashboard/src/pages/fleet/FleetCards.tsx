// Machines as cards in as many columns as there is room for; of many only the rows near the window are in the document.
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { useRef } from "react";
import type { MachineCard as Machine } from "@/api/types";
import { usePlace } from "@/lib/use-width";
import { ALL_AT_ONCE } from "./limits";
import { MachineCard } from "./MachineCard";

const LEAST_WIDTH = 285;
const GAP = 12;
const USUAL_HEIGHT = 190;

export function FleetCards({ machines, label }: { machines: readonly Machine[]; label: string }) {
  const list = useRef<HTMLDivElement>(null);
  const place = usePlace(list);
  const columns = Math.max(1, Math.floor(((place?.width ?? 0) + GAP) / (LEAST_WIDTH + GAP)));
  const count = place ? Math.ceil(machines.length / columns) : 0;
  const rows = useWindowVirtualizer({
    count,
    estimateSize: () => USUAL_HEIGHT,
    gap: GAP,
    overscan: machines.length > ALL_AT_ONCE ? 3 : count,
    scrollMargin: place?.top ?? 0,
  });
  return (
    <div ref={list} role="list" aria-label={label} className="relative" style={{ height: rows.getTotalSize() }}>
      {rows.getVirtualItems().map((row) => (
        <div
          key={row.key}
          ref={rows.measureElement}
          data-index={row.index}
          role="presentation"
          className="absolute inset-x-0 top-0 grid gap-3"
          style={{
            gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))`,
            transform: `translateY(${row.start - rows.options.scrollMargin}px)`,
          }}
        >
          {machines.slice(row.index * columns, (row.index + 1) * columns).map((machine, column) => (
            <MachineCard key={machine.id} machine={machine} place={row.index * columns + column + 1} of={machines.length} />
          ))}
        </div>
      ))}
    </div>
  );
}
