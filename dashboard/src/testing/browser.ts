// What happy-dom lacks of a browser, for tests of pages without one: canvases that draw nothing, a live stream to steer,
// and the collector's answers in place of fetch. Imported before any module of the dashboard.
import type { Kind } from "@/api/live-stream";

const NOTHING = (): undefined => undefined;

/** Takes every call and setting of a 2D context, and measures text; there is nothing to look at in these tests. */
function blankContext(canvas: HTMLCanvasElement): unknown {
  const known: Record<string | symbol, unknown> = {
    canvas,
    measureText: (text: string) => ({ width: 6 * text.length }),
    createImageData: (width: number, height: number) => ({ width, height, data: new Uint8ClampedArray(4 * width * height) }),
  };
  return new Proxy(known, { get: (target, name) => target[name] ?? NOTHING, set: (target, name, value) => ((target[name] = value), true) });
}

HTMLCanvasElement.prototype.getContext = function (this: HTMLCanvasElement) {
  return blankContext(this);
} as typeof HTMLCanvasElement.prototype.getContext;

class BlankPath {
  moveTo = NOTHING;
  lineTo = NOTHING;
  rect = NOTHING;
  arc = NOTHING;
  closePath = NOTHING;
  addPath = NOTHING;
  bezierCurveTo = NOTHING;
}
Object.assign(globalThis, { Path2D: BlankPath });

/** Elements have a size, so that lists and charts are drawn. */
const SIZE = { x: 0, y: 0, top: 0, left: 0, width: 800, height: 400, right: 800, bottom: 400 };
HTMLElement.prototype.getBoundingClientRect = () => ({ ...SIZE, toJSON: NOTHING });
for (const [name, value] of [["clientWidth", 800], ["clientHeight", 400], ["offsetWidth", 800], ["offsetHeight", 400]] as const) {
  Object.defineProperty(HTMLElement.prototype, name, { configurable: true, get: () => value });
}

/** The live stream of a page under test, said to by hand. */
export class SteeredStream extends EventTarget {
  static readonly CLOSED = 2;
  static opened: SteeredStream[] = [];
  readyState = 1;
  onerror: (() => void) | null = null;

  constructor() {
    super();
    SteeredStream.opened.push(this);
  }

  say(kind: Kind, data: unknown): void {
    this.dispatchEvent(new MessageEvent(kind, { data: JSON.stringify(data) }));
  }

  /** The connection is lost; the browser tries again by itself. */
  drop(): void {
    this.readyState = 0;
    this.onerror?.();
  }

  close(): void {
    this.readyState = SteeredStream.CLOSED;
  }
}
Object.assign(globalThis, { EventSource: SteeredStream });

type Collector = (path: string, method: string) => Response | Promise<Response>;
let collector: Collector = () => Promise.reject(new Error("no answers were given for this test"));

/** Answer the dashboard's calls from now on. */
export function answerWith(next: Collector): void {
  collector = next;
}

// The dashboard calls the folder that its scripts stand in, here that of a file: what follows it is the route.
globalThis.fetch = async (input) => {
  const { url, method } = input as Request;
  return collector(url.replace(/^file:\/*([^?]*).*$/, "/$1"), method);
};

// Tests draw pages in any language at once.
const { LANGUAGES, loadLanguage } = await import("@/i18n");
await Promise.all(LANGUAGES.map(loadLanguage));
