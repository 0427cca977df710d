// Figures of drift as the page shows them: limits, lengths of bars, changes with their units.
import type { Drift } from "@/api/types";
import type { Messages } from "@/i18n/en";
import type { Format } from "@/lib/format";

type Group = Drift["groups"][number];
const SLIGHT = 0.1;
const MARKED = 0.25;
const FULL = 2;

/** Where slight and marked begin, as the collector draws them: the customary limits, or above chance. */
export function limits({ chance }: Pick<Group, "chance">): { slight: number; marked: number } {
  const slight = Math.max(SLIGHT, chance);
  return { slight, marked: (slight * MARKED) / SLIGHT };
}

/** How long a bar is, from 0 to 1: full at twice what is marked. */
export function barShare(psi: number, group: Pick<Group, "chance">): number {
  return Math.min(1, psi / (FULL * limits(group).marked));
}

/** A change with its sign: in the feature's unit, or in spreads where it has none. */
export function changeText(most: Group["moved_most"], t: Messages, format: Format): string {
  const sign = most.change > 0 ? "+" : "";
  if (most.unit === "kHz") return `${sign}${format.withUnit(1000 * most.change, 0, t.unit.hz)}`;
  const unit = most.unit.startsWith("dB") ? t.unit.db : most.unit;
  return `${sign}${format.withUnit(most.change, unit === t.unit.db ? 1 : 2, unit)}`;
}
