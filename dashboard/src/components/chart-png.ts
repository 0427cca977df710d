// A chart as a picture to send around: with title, what its lines are, and the span of time.
import { FONT, token } from "./chart-paint";

interface Legend {
  label: string;
  color: string;
}

const HEAD_PX = 46;
const SIDE_PX = 12;

/** The canvas of a plot with a head above it. */
export async function toPng(plot: HTMLCanvasElement, title: string, span: string, legend: readonly Legend[]): Promise<Blob> {
  const scale = devicePixelRatio;
  const canvas = document.createElement("canvas");
  canvas.width = plot.width + 2 * SIDE_PX * scale;
  canvas.height = plot.height + (HEAD_PX + SIDE_PX) * scale;
  const context = canvas.getContext("2d");
  if (!context) throw new Error("no canvas");
  context.fillStyle = token("--surface");
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(plot, SIDE_PX * scale, HEAD_PX * scale);
  context.scale(scale, scale);
  context.textBaseline = "top";
  context.fillStyle = token("--ink");
  context.font = FONT.replace("11px", "600 14px");
  context.fillText(title, SIDE_PX, 9);
  context.font = FONT;
  context.fillStyle = token("--soft");
  context.fillText(span, SIDE_PX, 29);
  let x = SIDE_PX + context.measureText(span).width + 20;
  for (const { label, color } of legend) {
    context.fillStyle = token(color);
    context.fillRect(x, 33, 14, 3);
    context.fillStyle = token("--soft");
    context.fillText(label, x + 19, 29);
    x += 19 + context.measureText(label).width + 16;
  }
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => {
      if (blob) resolve(blob);
      else reject(new Error("no picture"));
    }, "image/png"),
  );
}
