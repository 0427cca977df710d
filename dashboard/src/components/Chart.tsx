// The one wrapper of uPlot: made on mount, fed by setData, destroyed on unmount, never in React state.
import { useEffect, useLayoutEffect, useRef } from "react";
import type uPlot from "uplot";
import UPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useTheme } from "@/app/theme";
import { useFormat } from "@/lib/use-format";
import { buildOptions, type ChartSeries, type Span } from "./chart-options";

export interface ChartProps {
  /** Times in seconds, ascending. */
  timeS: readonly number[];
  series: readonly ChartSeries[];
  /** Fixed ends of the time axis in seconds. */
  rangeS: readonly [number, number];
  spans?: readonly Span[];
  unit: string;
  digits: number;
  syncKey: string;
  height?: number;
  label: string;
  onZoom?: ((fromS: number, toS: number) => void) | undefined;
}

const NO_SPANS: readonly Span[] = [];

export function Chart(props: ChartProps) {
  const { timeS, series, rangeS, spans = NO_SPANS, unit, digits, syncKey, height = 190, label, onZoom } = props;
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const { shown: theme } = useTheme();
  const format = useFormat();
  const latest = useRef({ spans, onZoom, rangeS });
  useLayoutEffect(() => {
    latest.current = { spans, onZoom, rangeS };
  });
  // What a line looks like is part of the plot; its values are not.
  const look = JSON.stringify(series.map(({ label: name, color, dashed, stepped, points }) => ({ label: name, color, dashed, stepped, points })));

  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const options = buildOptions({
      width: element.clientWidth,
      height,
      series: JSON.parse(look) as ChartSeries[],
      unit,
      digits,
      syncKey,
      format,
      theme,
      spans: () => latest.current.spans,
      range: () => latest.current.rangeS,
      onZoom: (from, to) => latest.current.onZoom?.(from, to),
    });
    const made = new UPlot(options, undefined, element);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [look, unit, digits, syncKey, height, theme, format]);

  useEffect(() => {
    plot.current?.setData([timeS as number[], ...series.map((each) => each.values as (number | null)[])] as uPlot.AlignedData);
  }, [timeS, series, rangeS, spans, look, unit, digits, syncKey, height, theme, format]);

  return <div ref={host} role="img" aria-label={label} className={`w-full min-w-0 ${series.length === 1 ? "chart-single" : ""}`} style={{ minHeight: height }} />;
}
