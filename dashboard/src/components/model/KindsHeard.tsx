// Kinds of synthetic faults, each with the level from which on a model hears it.
import type { KindHeard } from "@/api/types";
import { useMessages } from "@/i18n";
import { useFormat } from "@/lib/use-format";
import { kindName, reach } from "./detectability";

export function KindsHeard({ kinds, rateHz }: { kinds: readonly KindHeard[]; rateHz: number }) {
  return (
    <ul className="flex flex-col gap-2.5">
      {kinds.map((kind) => (
        <Kind key={kind.kind} kind={kind} rateHz={rateHz} />
      ))}
    </ul>
  );
}

function Kind({ kind, rateHz }: { kind: KindHeard; rateHz: number }) {
  const t = useMessages();
  const format = useFormat();
  const name = kindName(kind.kind, rateHz, t, format);
  const levels = kind.levels.map((level) => level.level_db);
  // Whole decibels: levels were tried in steps of 3 dB.
  const write = (level: number) => format.withUnit(level, 0, t.unit.db);
  const { share, heard } = reach(kind, t.detectability, write);
  return (
    <li data-kind={kind.kind} className="text-sm">
      <div className="flex items-baseline justify-between gap-3">
        <span className="min-w-0">{name}</span>
        <span className={`shrink-0 text-right ${kind.heard_from_db === null ? "text-faint" : "font-medium"}`}>{heard}</span>
      </div>
      <div
        aria-hidden="true"
        title={t.detectability.scale(write(levels[0] ?? 0), write(levels.at(-1) ?? 0))}
        className="mt-1 h-1.5 overflow-hidden rounded-full bg-line"
      >
        <div className="h-full rounded-full bg-accent" style={{ width: `${(100 * share).toFixed(1)}%` }} />
      </div>
    </li>
  );
}
