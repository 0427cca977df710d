// What a sample of 1.0 stands for, in words, and numbers as people type them.
import type { SensorPlace } from "@/api/plant";
import type { Format } from "@/lib/format";

export const UNIT: Record<SensorPlace["quantity"], string> = { sound_pressure: "Pa", acceleration: "g" };

export function fullScaleText(value: number, quantity: SensorPlace["quantity"], format: Format): string {
  const digits = value >= 100 ? 0 : value >= 1 ? 2 : 5;
  return format.withUnit(value, digits, UNIT[quantity]);
}
