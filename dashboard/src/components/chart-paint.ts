// What is painted behind the lines of a chart: spans of events and maintenance, marks, and a picture where it is one.
import type uPlot from "uplot";

/** A span of time to shade, in seconds; an open one reaches to the right end. */
export interface Span {
  fromS: number;
  toS: number;
  open: boolean;
  kind?: "event" | "maintenance";
}

/** A moment to mark: a change of the model, or a note. */
export interface Mark {
  atS: number;
  kind: "model" | "note";
  text: string;
}

/** A picture over time, such as levels of bands; `rows` is how far its own axis reaches. */
export interface Picture {
  image: CanvasImageSource & { width: number };
  fromS: number;
  toS: number;
  rows: number;
}

const WASH_ALPHA = 0.14;
const HATCH_PX = 7;
const SHARP_PX = 3;

export const FONT = '11px system-ui, -apple-system, "Segoe UI", sans-serif';

export function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function clipped(plot: uPlot, draw: (context: CanvasRenderingContext2D, box: uPlot.BBox) => void): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  draw(ctx, bbox);
  ctx.restore();
}

export function paintSpans(plot: uPlot, spans: readonly Span[]): void {
  clipped(plot, (context, box) => {
    const edge = 2 * devicePixelRatio;
    for (const span of spans) {
      const from = Math.max(box.left, plot.valToPos(span.fromS, "x", true));
      const to = Math.min(box.left + box.width, span.open ? Number.POSITIVE_INFINITY : plot.valToPos(span.toS, "x", true));
      if (to < box.left || from > box.left + box.width) continue;
      const width = Math.max(to - from, edge);
      const isWork = span.kind === "maintenance";
      context.fillStyle = token(isWork ? "--soft" : "--alarm");
      if (isWork) hatch(context, from, width, box);
      context.globalAlpha = isWork ? WASH_ALPHA / 2 : WASH_ALPHA;
      context.fillRect(from, box.top, width, box.height);
      context.globalAlpha = 1;
      context.fillRect(from, isWork ? box.top + box.height - edge : box.top, width, edge);
    }
  });
}

/** Slanted lines: maintenance is told from events without colour. */
function hatch(context: CanvasRenderingContext2D, left: number, width: number, box: uPlot.BBox): void {
  context.save();
  context.beginPath();
  context.rect(left, box.top, width, box.height);
  context.clip();
  context.globalAlpha = 0.28;
  context.strokeStyle = context.fillStyle;
  context.lineWidth = devicePixelRatio;
  context.beginPath();
  const step = HATCH_PX * devicePixelRatio;
  for (let x = Math.floor(left / step) * step - box.height; x < left + width; x += step) {
    context.moveTo(x, box.top + box.height);
    context.lineTo(x + box.height, box.top);
  }
  context.stroke();
  context.restore();
}

/** Models as a dotted line with their version, notes as a flag at the top. */
export function paintMarks(plot: uPlot, marks: readonly Mark[]): void {
  clipped(plot, (context, box) => {
    const size = devicePixelRatio;
    context.font = FONT.replace("11px", `${10 * size}px`);
    context.textBaseline = "top";
    context.textAlign = "left";
    for (const mark of marks) {
      const x = Math.round(plot.valToPos(mark.atS, "x", true)) + 0.5;
      if (x < box.left || x > box.left + box.width) continue;
      context.strokeStyle = context.fillStyle = token(mark.kind === "model" ? "--accent" : "--soft");
      context.lineWidth = size;
      context.setLineDash(mark.kind === "model" ? [2 * size, 3 * size] : []);
      context.beginPath();
      context.moveTo(x, box.top);
      context.lineTo(x, box.top + (mark.kind === "model" ? box.height : 10 * size));
      context.stroke();
      if (mark.kind === "model") label(context, mark.text, x + 3 * size, box);
      else flag(context, x, box.top, size);
    }
  });
}

function label(context: CanvasRenderingContext2D, text: string, x: number, box: uPlot.BBox): void {
  const width = context.measureText(text).width;
  context.fillText(text, Math.min(x, box.left + box.width - width), box.top + 3 * devicePixelRatio);
}

function flag(context: CanvasRenderingContext2D, x: number, top: number, size: number): void {
  context.beginPath();
  context.moveTo(x, top);
  context.lineTo(x + 8 * size, top + 3.5 * size);
  context.lineTo(x, top + 7 * size);
  context.fill();
}

export function paintPicture(plot: uPlot, { image, fromS, toS }: Picture): void {
  clipped(plot, (context, box) => {
    const from = plot.valToPos(fromS, "x", true);
    const width = plot.valToPos(toS, "x", true) - from;
    // Few columns stay columns; many blend.
    context.imageSmoothingEnabled = width / image.width < SHARP_PX * devicePixelRatio;
    context.drawImage(image, from, box.top, width, box.height);
  });
}
