// A clip's spectrogram with its axes, where the event begins, and a cursor that follows the sound and is moved by hand.
import { type CSSProperties, type PointerEvent, useEffect, useMemo, useRef, useSyncExternalStore } from "react";
import { ChartFrame } from "@/components/ChartFrame";
import { Spectrogram } from "@/components/Spectrogram";
import { useMessages } from "@/i18n";
import { cssGradient, type ColourMap } from "@/lib/colour-map";
import { frequencyTicks, timeTicks } from "@/lib/clip-picture";
import { elapsedFormatFor, type Format } from "@/lib/format";
import type { SoundDeck } from "@/lib/sound-deck";
import { ElapsedTime, useFormat } from "@/lib/use-format";
import { plotOf } from "./picture-plot";

interface Props {
  matrix: Uint8Array | Float32Array;
  columns: number;
  rows: number;
  range: readonly [number, number];
  map: ColourMap;
  centreHz: readonly number[];
  durationS: number;
  /** Where the event begins in the clip, seconds. */
  openingS?: number | undefined;
  legend: readonly [string, string];
  /** Whose sound it is and which picture of it; files are named so. */
  subject: string;
  title: string;
  /** What `valueAt` is in. */
  unit: string;
  /** The figure of a column and row. */
  valueAt: (column: number, row: number) => number;
  label: string;
  deck: SoundDeck;
}

const STILL_MS = 250;
const MOST_TIMES = 6;
const STEP_S = 0.5;
const FIGURES = "pointer-events-none text-2xs text-faint";

const hertz = (format: Format, hz: number) => (hz >= 1000 ? format.withUnit(hz / 1000, 0, "kHz") : format.withUnit(hz, 0, "Hz"));

/** The picture with what every chart has: the same as a table, as CSV and as PNG. */
export function SpectrogramView(props: Props) {
  const { columns, centreHz, durationS, subject, title, unit, valueAt } = props;
  const plain = useFormat();
  const format = elapsedFormatFor(plain.locale);
  const times = useMemo(() => Array.from({ length: columns }, (_, column) => ((column + 0.5) * durationS) / columns), [columns, durationS]);
  const figures = () => centreHz.map((hz, row) => ({ name: format.hertz(hz), values: times.map((_, column) => valueAt(column, row)) }));
  const axes = { centreHz, durationS, hertz: (hz: number) => hertz(format, hz), seconds: (s: number) => format.withUnit(s, durationS < 3 ? 1 : 0, "s") };
  return (
    <ElapsedTime.Provider value>
      <ChartFrame
        inner
        title={title}
        subject={subject}
        unit={unit}
        digits={0}
        timeS={times}
        legend={[]}
        columns={figures}
        shown={() => [0, durationS]}
        plot={(canvas) => plotOf(canvas, axes)}
      >
        <View {...props} />
      </ChartFrame>
    </ElapsedTime.Provider>
  );
}

function View({ matrix, columns, rows, range, map, centreHz, durationS, openingS, legend, label, deck }: Props) {
  const t = useMessages();
  const format = useFormat();
  const decimal = durationS < 3 ? 1 : 0;
  return (
    <figure className="min-w-0">
      <div className="grid grid-cols-[2.6rem_1fr] gap-x-1.5">
        <div className="relative" aria-hidden>
          {frequencyTicks(centreHz).map(({ hz, share }) => (
            <span key={hz} className={`${FIGURES} absolute right-0 translate-y-1/2 whitespace-nowrap`} style={{ bottom: `${100 * share}%` }}>
              {hertz(format, hz)}
            </span>
          ))}
        </div>
        <Spectrogram matrix={matrix} columns={columns} rows={rows} range={range} map={map} label={label} className="h-52 sm:h-64">
          {openingS !== undefined && openingS > 0 && openingS < durationS && (
            <span
              title={t.review.sound.opening}
              className="pointer-events-none absolute inset-y-0 border-l-2 border-dashed border-[#fff] mix-blend-difference"
              style={{ left: `${(100 * openingS) / durationS}%` }}
            />
          )}
          <Cursor deck={deck} durationS={durationS} />
        </Spectrogram>
        <span />
        <div className="relative h-4" aria-hidden>
          {timeTicks(durationS, MOST_TIMES).map(({ s, share }) => (
            <span key={s} className={`${FIGURES} absolute top-0.5`} style={tickStyle(share)}>
              {format.withUnit(s, decimal, "s")}
            </span>
          ))}
        </div>
      </div>
      <figcaption className="mt-1 flex items-center justify-end gap-2 text-2xs text-faint">
        {legend[0]}
        <span aria-hidden className="h-2 w-28 rounded-sm border border-line" style={{ background: cssGradient(map, "to right") }} />
        {legend[1]}
      </figcaption>
    </figure>
  );
}

function tickStyle(share: number): CSSProperties {
  return { left: `${100 * share}%`, transform: `translateX(${share < 0.03 ? 0 : share > 0.97 ? -100 : -50}%)` };
}

/** The line is moved past React: it changes with every frame. */
function Cursor({ deck, durationS }: { deck: SoundDeck; durationS: number }) {
  const t = useMessages();
  const format = useFormat();
  const line = useRef<HTMLSpanElement>(null);
  const slider = useRef<HTMLDivElement>(null);
  const { playing, side } = useSyncExternalStore(deck.subscribe, deck.snapshot);
  useEffect(() => {
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    let frame = 0;
    let last = -STILL_MS;
    const draw = (nowMs: number) => {
      if (!still || nowMs - last >= STILL_MS) {
        last = nowMs;
        const at = deck.positionS();
        if (line.current) line.current.style.left = `${Math.min(100, (100 * at) / durationS)}%`;
        slider.current?.setAttribute("aria-valuenow", at.toFixed(1));
      }
      frame = requestAnimationFrame(draw);
    };
    frame = requestAnimationFrame(draw);
    return () => cancelAnimationFrame(frame);
  }, [deck, durationS, playing, side]);
  const seek = (event: PointerEvent<HTMLElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    deck.seek(((event.clientX - box.left) / box.width) * durationS);
  };
  const total = format.withUnit(durationS, 1, "s");
  return (
    <div
      ref={slider}
      role="slider"
      tabIndex={0}
      aria-label={t.review.sound.position}
      aria-valuemin={0}
      aria-valuemax={Number(durationS.toFixed(1))}
      aria-valuenow={0}
      aria-valuetext={playing ? undefined : t.review.sound.at(format.withUnit(deck.positionS(), 1, "s"), total)}
      className="absolute inset-0 cursor-crosshair touch-pan-y -outline-offset-2"
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        seek(event);
      }}
      onPointerMove={(event) => event.buttons === 1 && seek(event)}
      onKeyDown={(event) => {
        const step = { ArrowLeft: -STEP_S, ArrowRight: STEP_S, Home: -durationS, End: durationS }[event.key];
        if (step === undefined) return;
        event.preventDefault();
        deck.seek(Math.min(deck.positionS() + step, durationS - 0.05));
      }}
    >
      <span ref={line} data-cursor className="pointer-events-none absolute inset-y-0 left-0 w-0.5 bg-[#fff] shadow-[0_0_0_1px_rgb(0_0_0/0.7)]" />
    </div>
  );
}
