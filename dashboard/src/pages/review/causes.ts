// Which causes go with which verdict, in the order that they are offered; the first one is chosen to begin with.
import type { Cause, Verdict } from "@/api/reviews";

export const VERDICTS: readonly Verdict[] = ["confirmed", "false_alarm", "expected"];
export const CAUSES: Record<Verdict, readonly Cause[]> = {
  confirmed: [
    "bearing",
    "imbalance",
    "misalignment",
    "looseness",
    "gear",
    "belt",
    "lubrication",
    "cavitation",
    "leak",
    "electrical",
    "blockage",
    "other",
  ],
  false_alarm: ["usual", "neighbour", "people", "sensor_moved", "other"],
  expected: ["maintenance", "start_up", "shut_down", "change_over", "other"],
};
export const KEY_OF: Record<Verdict, string> = { confirmed: "C", false_alarm: "F", expected: "E" };
