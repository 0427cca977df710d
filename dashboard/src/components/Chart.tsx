// The one wrapper of uPlot: made on mount, fed by setData, destroyed on unmount, never in React state.
import { useEffect, useLayoutEffect, useRef } from "react";
import type uPlot from "uplot";
import UPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useTheme } from "@/app/theme";
import { useMessages } from "@/i18n";
import type { TimeView } from "@/lib/time-view";
import { useFormat } from "@/lib/use-format";
import { type ChartSeries, toPlot } from "./chart-data";
import { addGestures } from "./chart-gestures";
import { buildOptions, type Look, type Reading } from "./chart-options";
import type { Mark, Picture, Span } from "./chart-paint";

export interface ChartProps {
  /** Times in seconds, ascending. */
  timeS: readonly number[];
  series: readonly ChartSeries[];
  /** What is shown: a view that charts share and that can be zoomed, or fixed ends in seconds. */
  range: TimeView | readonly [number, number];
  spans?: readonly Span[];
  marks?: readonly Mark[];
  /** A picture in the place of the lines, and its words. */
  picture?: (Picture & Reading) | undefined;
  unit: string;
  digits: number;
  syncKey: string;
  height?: number;
  label: string;
}

const NONE: readonly never[] = [];

export function Chart(props: ChartProps) {
  const { timeS, series, range, spans = NONE, marks = NONE, picture, unit, digits, syncKey, height = 190, label } = props;
  const host = useRef<HTMLDivElement>(null);
  const readout = useRef<HTMLParagraphElement>(null);
  const plot = useRef<uPlot>(null);
  const { shown: theme } = useTheme();
  const t = useMessages();
  const format = useFormat();
  const view = "subscribe" in range ? range : null;
  const latest = useRef({ spans, marks, picture, range });
  useLayoutEffect(() => {
    latest.current = { spans, marks, picture, range };
  });
  // What a line looks like is part of the plot; its values are not.
  const look = JSON.stringify(
    series.map(({ label: name, color, dashed, stepped, points, range: ranged }) => ({ label: name, color, dashed, stepped, points, ranged: Boolean(ranged) })),
  );
  const isPicture = picture !== undefined;

  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const options = buildOptions({
      width: element.clientWidth,
      height,
      look: JSON.parse(look) as Look[],
      words: t.chart,
      unit,
      digits,
      syncKey,
      format,
      isPicture,
      spans: () => latest.current.spans,
      marks: () => latest.current.marks,
      picture: () => latest.current.picture,
      reading: () => latest.current.picture,
      range: () => ends(latest.current.range),
      onZoom: (from, to) => view?.show(from, to),
      onBack: () => view?.back(),
      onRead: (text) => {
        if (readout.current) readout.current.textContent = text;
      },
    });
    const made = new UPlot(options, undefined, element);
    plot.current = made;
    if (view) addGestures(made, view);
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    const stop = view?.subscribe(() => {
      const [min, max] = ends(view);
      made.setScale("x", { min, max });
    });
    return () => {
      stop?.();
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
    // A plot takes its colours when it is made.
  }, [look, unit, digits, syncKey, height, theme, format, t, view, isPicture]);

  useEffect(() => {
    plot.current?.setData(toPlot(timeS, series));
  }, [timeS, series, range, spans, marks, picture, look, unit, digits, syncKey, height, theme, format, t, view, isPicture]);

  const lone = series.length === 1 && !series[0]?.range;
  return (
    <>
      <div ref={host} role="img" aria-label={label} className={`w-full min-w-0 ${lone ? "chart-single" : ""}`} style={{ minHeight: height }} />
      {isPicture && <p ref={readout} data-readout className="min-h-5 pr-44 pl-[68px] text-2xs text-soft" />}
    </>
  );
}

function ends(range: ChartProps["range"]): readonly [number, number] {
  return "subscribe" in range ? [range.shown.fromS, range.shown.toS] : range;
}
