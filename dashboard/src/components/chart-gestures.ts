// Moving through time in a chart: wheel with Ctrl to zoom and Shift to pan, one finger to pan, two to zoom, double click back.
import type uPlot from "uplot";
import type { TimeView } from "@/lib/time-view";

const WHEEL_ZOOM = 0.0022;
const WHEEL_PAUSE_MS = 400;
const TOUCH_SLOP_PX = 8;

/** Listens until the plot is destroyed. */
export function addGestures(plot: uPlot, view: TimeView): void {
  const { over } = plot;
  const share = (clientX: number) => (clientX - over.getBoundingClientRect().left) / over.clientWidth;
  const timeAt = (clientX: number) => view.shown.fromS + share(clientX) * (view.shown.toS - view.shown.fromS);
  addWheel(over, view, timeAt);
  addTouch(over, view);
}

function addWheel(over: HTMLElement, view: TimeView, timeAt: (clientX: number) => number): void {
  let lastMs = Number.NEGATIVE_INFINITY;
  over.addEventListener(
    "wheel",
    (event) => {
      const zooms = event.ctrlKey || event.metaKey;
      const sideways = event.shiftKey ? event.deltaX || event.deltaY : event.deltaX;
      if (!zooms && !event.shiftKey && Math.abs(event.deltaX) <= Math.abs(event.deltaY)) return;
      event.preventDefault();
      const first = event.timeStamp - lastMs > WHEEL_PAUSE_MS;
      lastMs = event.timeStamp;
      if (zooms) view.zoom(Math.exp(event.deltaY * WHEEL_ZOOM), timeAt(event.clientX), first);
      else view.pan(sideways / over.clientWidth, first);
    },
    { passive: false },
  );
}

function addTouch(over: HTMLElement, view: TimeView): void {
  const fingers = new Map<number, number>();
  let begun = view.shown;
  let from: readonly number[] = [];
  let moving = false;
  const begin = () => {
    begun = view.shown;
    from = [...fingers.values()];
  };
  const end = (event: PointerEvent) => {
    fingers.delete(event.pointerId);
    if (fingers.size === 0) moving = false;
    begin();
  };
  over.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "touch") return;
    fingers.set(event.pointerId, event.clientX);
    begin();
  });
  over.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    fingers.set(event.pointerId, event.clientX);
    const [a = 0, b] = [...fingers.values()];
    const [a0 = 0, b0] = from;
    const length = begun.toS - begun.fromS;
    const left = over.getBoundingClientRect().left;
    const at = (x: number) => begun.fromS + ((x - left) / over.clientWidth) * length;
    if (b !== undefined && b0 !== undefined) {
      const spread = Math.max(20, Math.abs(b - a)) / Math.max(20, Math.abs(b0 - a0));
      const middle = at((a0 + b0) / 2);
      const moved = (((a + b) / 2 - left) / over.clientWidth) * (length / spread);
      view.show(middle - moved, middle - moved + length / spread, !moving);
      moving = true;
    } else if (moving || Math.abs(a - a0) > TOUCH_SLOP_PX) {
      const by = ((a0 - a) / over.clientWidth) * length;
      view.show(begun.fromS + by, begun.toS + by, !moving);
      moving = true;
    }
  });
  for (const type of ["pointerup", "pointercancel", "pointerleave"] as const) over.addEventListener(type, end);
}
