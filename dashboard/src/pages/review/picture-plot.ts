// A clip's spectrogram as it is saved: as large as on a desktop, with frequencies at its left and seconds below.
import { FONT, token } from "@/components/chart-paint";
import { frequencyTicks, timeTicks } from "@/lib/clip-picture";

const WIDTH_PX = 880;
const HEIGHT_PX = 256;
const LEFT_PX = 48;
const FOOT_PX = 20;
const MOST_TIMES = 10;

interface Axes {
  centreHz: readonly number[];
  durationS: number;
  hertz: (hz: number) => string;
  seconds: (s: number) => string;
}

/** The picture of one pixel a value, stretched, with its axes; in the device's pixels, as the plots of charts are. */
export function plotOf(picture: HTMLCanvasElement, { centreHz, durationS, hertz, seconds }: Axes): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = (LEFT_PX + WIDTH_PX) * devicePixelRatio;
  canvas.height = (HEIGHT_PX + FOOT_PX) * devicePixelRatio;
  const context = canvas.getContext("2d");
  if (!context) return picture;
  context.scale(devicePixelRatio, devicePixelRatio);
  context.drawImage(picture, LEFT_PX, 0, WIDTH_PX, HEIGHT_PX);
  context.font = FONT;
  context.fillStyle = token("--soft");
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const { hz, share } of frequencyTicks(centreHz)) context.fillText(hertz(hz), LEFT_PX - 6, (1 - share) * HEIGHT_PX);
  context.textBaseline = "top";
  for (const { s, share } of timeTicks(durationS, MOST_TIMES)) {
    context.textAlign = share < 0.03 ? "left" : share > 0.97 ? "right" : "center";
    context.fillText(seconds(s), LEFT_PX + share * WIDTH_PX, HEIGHT_PX + 5);
  }
  return canvas;
}
