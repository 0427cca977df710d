// Steps through time, for keys and buttons alike.
import { RANGES, type Range } from "@/lib/ranges";
import type { ChartTime } from "./use-time-view";

const PAN_SHARE = 0.25;
const ZOOM = 2;

/** Where the charts follow the clock, a zoom is the next shorter or longer range, which follows it too. */
export function zoomBy({ view, range }: ChartTime, way: "in" | "out", onRange: (range: Range) => void): void {
  if (view.shown.live) {
    const next = RANGES[RANGES.indexOf(range) + (way === "in" ? -1 : 1)];
    if (next) {
      onRange(next);
      return;
    }
  }
  view.zoom(way === "in" ? 1 / ZOOM : ZOOM);
}

export function moveBy({ view }: ChartTime, steps: number): void {
  view.pan(steps * PAN_SHARE);
}

/** What a key does with the charts that have the focus; false where it does nothing. */
export function onKey(key: string, time: ChartTime, onRange: (range: Range) => void): boolean {
  if (key === "+" || key === "=") zoomBy(time, "in", onRange);
  else if (key === "-") zoomBy(time, "out", onRange);
  else if (key === "ArrowLeft") moveBy(time, -1);
  else if (key === "ArrowRight") moveBy(time, 1);
  else if (key === "Escape") time.view.back();
  else if (key === "End") time.follow();
  else return false;
  return true;
}
