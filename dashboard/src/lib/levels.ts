// How levels are written: the collector converts them and names their unit, this page only chooses the digits.
import type { SensorCard } from "@/api/types";
import type { Messages } from "@/i18n/en";

export type Unit = SensorCard["unit"];

/** Units of the figures beside the level. */
export const LEVEL_A_UNIT = "dB(A)";
export const VELOCITY_UNIT = "mm/s";

/** Vibration of small machines is some thousandths of a g. */
export function levelDigits(unit: Unit | typeof LEVEL_A_UNIT | typeof VELOCITY_UNIT): number {
  if (unit === "g") return 4;
  return unit === VELOCITY_UNIT ? 2 : 1;
}

/** What a level is: of what is measured where its sensor is calibrated, else only relative to full scale. */
export function levelTitle(of: { quantity: SensorCard["quantity"]; unit: Unit }, t: Messages): string {
  return of.unit === "dBFS" ? t.level.relative : t.level.title[of.quantity];
}
