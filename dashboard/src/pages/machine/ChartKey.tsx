// What is drawn behind the lines, in words; and how one moves.
import type { ReactNode } from "react";
import { useMessages } from "@/i18n";
import type { Comparison } from "./use-comparison";
import type { Overlays } from "./use-overlays";

interface Props {
  overlays: Overlays;
  comparison: Comparison | null;
}

export function ChartKey({ overlays: { spans, marks }, comparison }: Props) {
  const t = useMessages();
  return (
    <div className="flex flex-wrap gap-x-4 gap-y-0.5 text-xs text-faint">
      {spans.some(({ kind }) => kind === "event") && <Item sign={<span className="border-t-2 border-alarm bg-alarm-wash" />}>{t.view.keyEvent}</Item>}
      {spans.some(({ kind }) => kind === "maintenance") && <Item sign={<span className="hatched border-b-2 border-soft" />}>{t.view.keyMaintenance}</Item>}
      {marks.some(({ kind }) => kind === "model") && <Item sign={<span className="ml-1.5 border-l-2 border-dotted border-accent" />}>{t.view.keyModel}</Item>}
      {marks.some(({ kind }) => kind === "note") && <Item sign="⚑">{t.view.keyNote}</Item>}
      {comparison && <Item sign={<span className="mt-1.5 border-t-2 border-dashed border-[var(--chart-compare)]" />}>{comparison.label}</Item>}
      <span id="chart-keys" className="max-sm:sr-only">
        {t.view.keys}
      </span>
    </div>
  );
}

function Item({ sign, children }: { sign: ReactNode; children: ReactNode }) {
  return (
    <span className="inline-flex items-center gap-1.5">
      <span aria-hidden className="inline-flex h-3 w-4 justify-center *:h-full *:w-full">
        {sign}
      </span>
      {children}
    </span>
  );
}
