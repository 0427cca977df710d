// uPlot's options in the dashboard's look: axes, lines, shaded spans, synchronised cursor.
import UPlot from "uplot";
import type uPlot from "uplot";
import type { Format } from "@/lib/format";

export interface ChartSeries {
  label: string;
  /** Name of a token in styles.css, such as `--chart-1`. */
  color: string;
  values: readonly (number | null)[];
  dashed?: boolean;
  stepped?: boolean;
  points?: boolean;
}

/** A span of time to shade, in seconds; an open one reaches to the right end. */
export interface Span {
  fromS: number;
  toS: number;
  open: boolean;
}

interface Options {
  width: number;
  height: number;
  series: readonly ChartSeries[];
  unit: string;
  digits: number;
  syncKey: string;
  format: Format;
  theme: "light" | "dark" | "contrast";
  spans: () => readonly Span[];
  range: () => readonly [number, number];
  onZoom: (fromS: number, toS: number) => void;
}

const FONT = '11px system-ui, -apple-system, "Segoe UI", sans-serif';
const MIN_DRAG_PX = 8;
const DAY_S = 86_400;
const WASH_ALPHA = 0.14;

function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function shadeSpans(plot: uPlot, spans: readonly Span[]): void {
  const { ctx, bbox } = plot;
  const right = bbox.left + bbox.width;
  ctx.save();
  ctx.fillStyle = token("--alarm");
  for (const span of spans) {
    const from = Math.max(bbox.left, plot.valToPos(span.fromS, "x", true));
    const to = span.open ? right : Math.min(right, plot.valToPos(span.toS, "x", true));
    if (to < bbox.left || from > right) continue;
    const width = Math.max(to - from, 2 * devicePixelRatio);
    ctx.globalAlpha = WASH_ALPHA;
    ctx.fillRect(from, bbox.top, width, bbox.height);
    ctx.globalAlpha = 1;
    ctx.fillRect(from, bbox.top, width, 2 * devicePixelRatio);
  }
  ctx.restore();
}

function timeAxis(locale: string): uPlot.Axis.DynamicValues {
  const day = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short" });
  const minute = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });
  const second = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  return (_plot, splits, _axis, _space, increment) =>
    splits.map((at) => {
      const date = new Date(at * 1000);
      const midnight = date.getHours() === 0 && date.getMinutes() === 0;
      if (increment >= DAY_S || (midnight && increment >= 60)) return day.format(date);
      return (increment < 60 ? second : minute).format(date);
    });
}

function paddedRange(low: number | null, high: number | null): uPlot.Range.MinMax {
  if (low === null || high === null) return [0, 1];
  const pad = (high - low) * 0.08 || Math.abs(high) * 0.02 || 1;
  return [low - pad, high + pad];
}

export function buildOptions(options: Options): uPlot.Options {
  const { format, unit, digits } = options;
  const axis = { stroke: token("--faint"), font: FONT, ticks: { show: false }, grid: { stroke: token("--chart-grid"), width: 1 } };
  return {
    width: options.width,
    height: options.height,
    padding: [8, 8, 0, 0],
    legend: { live: true, show: true },
    cursor: {
      sync: { key: options.syncKey, setSeries: false },
      drag: { x: true, y: false, setScale: false },
      points: { size: 6 },
    },
    scales: {
      x: { time: true, range: () => [...options.range()] as uPlot.Range.MinMax },
      y: { range: (_plot, low, high) => paddedRange(low, high) },
    },
    axes: [
      { ...axis, space: 80, size: 26, values: timeAxis(format.locale) },
      {
        ...axis,
        size: 54,
        space: 34,
        ...(unit === "" ? {} : { label: unit, labelFont: FONT, labelSize: 14, labelGap: 0 }),
        values: (_plot, splits) => {
          const step = (splits[1] ?? 1) - (splits[0] ?? 0);
          const shown = step > 0 && step < 1 ? Math.min(4, Math.ceil(-Math.log10(step))) : 0;
          return splits.map((value) => format.number(value, shown));
        },
      },
    ],
    series: [
      { label: "", value: (_plot, at: number | null) => (at === null ? "" : format.dateTime(at * 1e6)) },
      ...options.series.map((each): uPlot.Series => ({
        label: each.label,
        stroke: token(each.color),
        width: 1.5,
        points: { show: each.points ?? false, size: 4 },
        spanGaps: false,
        ...(each.dashed ? { dash: [6, 4], width: 1.25 } : {}),
        ...(each.stepped && UPlot.paths.stepped ? { paths: UPlot.paths.stepped({ align: 1 }) } : {}),
        value: (_plot, value: number | null) => (value === null ? "" : format.withUnit(value, digits, unit)),
      })),
    ],
    hooks: {
      drawAxes: [(plot) => shadeSpans(plot, options.spans())],
      setSelect: [
        (plot) => {
          if (plot.select.width < MIN_DRAG_PX) return;
          options.onZoom(plot.posToVal(plot.select.left, "x"), plot.posToVal(plot.select.left + plot.select.width, "x"));
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
    },
  };
}
