// uPlot's options in the dashboard's look: axes, lines, ranges behind them, what is painted below, synchronised cursor.
import UPlot from "uplot";
import type uPlot from "uplot";
import type { Format } from "@/lib/format";
import type { ChartSeries, RangeWords } from "./chart-data";
import { FONT, type Mark, paintMarks, paintPicture, paintSpans, type Picture, type Span, token } from "./chart-paint";

export type Look = Omit<ChartSeries, "values" | "timeS" | "range"> & { ranged: boolean };

/** How places on a picture's own axis are called, and what stands at one of them. */
export interface Reading {
  ticks: readonly (readonly [place: number, text: string])[];
  /** What the pointer is at; `place` is null where it is in another chart. */
  read: (atS: number, place: number | null) => string;
}

interface Options {
  width: number;
  height: number;
  look: readonly Look[];
  words: RangeWords;
  unit: string;
  digits: number;
  syncKey: string;
  format: Format;
  spans: () => readonly Span[];
  marks: () => readonly Mark[];
  picture: () => Picture | undefined;
  reading: () => Reading | undefined;
  range: () => readonly [number, number];
  onZoom: (fromS: number, toS: number) => void;
  onBack: () => void;
  onRead: (text: string) => void;
  isPicture: boolean;
}

const MIN_DRAG_PX = 8;
const DAY_S = 86_400;
const YEAR_S = 365 * DAY_S;
const AXIS_PX = 54;
const LABEL_PX = 14;
const SAMPLES = 100;
/** A line is broken where nothing was heard for longer than this many of its steps. */
const GAP_STEPS = 3;
const RANGE_ALPHA = "33";

function timeAxis(locale: string): uPlot.Axis.DynamicValues {
  const year = new Intl.DateTimeFormat(locale, { month: "short", year: "numeric" });
  const day = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short" });
  const minute = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });
  const second = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  return (_plot, splits, _axis, _space, increment) =>
    splits.map((at) => {
      const date = new Date(at * 1000);
      const midnight = date.getHours() === 0 && date.getMinutes() === 0;
      if (increment >= YEAR_S / 13) return year.format(date);
      if (increment >= DAY_S || (midnight && increment >= 60)) return day.format(date);
      return (increment < 60 ? second : minute).format(date);
    });
}

function elapsedAxis(format: Format): uPlot.Axis.DynamicValues {
  return (_plot, splits) => splits.map((at) => format.dateTime(at * 1e6));
}

function paddedRange(low: number | null, high: number | null): uPlot.Range.MinMax {
  if (low === null || high === null) return [0, 1];
  const pad = (high - low) * 0.08 || Math.abs(high) * 0.02 || 1;
  return [low - pad, high + pad];
}

/** Adds the spans in which nothing was heard to those in which there is no figure. */
function breaks(plot: uPlot, index: number, from: number, to: number, unknown: uPlot.Series.Gaps): uPlot.Series.Gaps {
  const times = plot.data[0];
  const values = plot.data[index];
  const known: number[] = [];
  for (let at = from; at <= to; at++) if (values?.[at] !== null && values?.[at] !== undefined) known.push(times[at] ?? 0);
  const every = Math.max(1, Math.floor(known.length / SAMPLES));
  const steps: number[] = [];
  for (let at = 1; at < known.length; at += every) steps.push((known[at] ?? 0) - (known[at - 1] ?? 0));
  const most = GAP_STEPS * (steps.sort((a, b) => a - b)[steps.length >> 1] ?? 0);
  const gaps: uPlot.Series.Gaps = [...unknown];
  const place = (at: number) => Math.round(plot.valToPos(known[at] ?? 0, "x", true));
  for (let at = 1; at < known.length; at++) if ((known[at] ?? 0) - (known[at - 1] ?? 0) > most) gaps.push([place(at - 1), place(at)]);
  return gaps.sort((a, b) => a[0] - b[0]);
}

function lines({ look, words, format, digits, unit, isPicture }: Options): { series: uPlot.Series[]; bands: uPlot.Band[] } {
  const series: uPlot.Series[] = [{ label: "", value: (_plot, at: number | null) => (at === null ? "" : format.dateTime(at * 1e6)) }];
  const bands: uPlot.Band[] = [];
  const value = (_plot: uPlot, figure: number | null | undefined) => (figure === null || figure === undefined ? "" : format.withUnit(figure, digits, unit));
  for (const each of look) {
    const stroke = isPicture ? "transparent" : token(each.color);
    if (each.ranged) {
      const edge = { stroke: `${stroke}00`, width: 0, points: { show: false }, spanGaps: false, gaps: breaks, class: "range-edge", value };
      bands.push({ series: [series.length + 1, series.length], fill: stroke + RANGE_ALPHA });
      series.push({ ...edge, label: words.lowest }, { ...edge, label: words.highest });
    }
    series.push({
      label: each.label,
      stroke,
      width: each.dashed ? 1.25 : 1.5,
      points: { show: each.points ?? false, size: 4 },
      spanGaps: false,
      gaps: breaks,
      ...(each.dashed ? { dash: [6, 4] } : {}),
      ...(each.stepped && UPlot.paths.stepped ? { paths: UPlot.paths.stepped({ align: 1 }) } : {}),
      value,
    });
  }
  return { series, bands };
}

function valueAxis({ unit, format, isPicture, reading }: Options, common: uPlot.Axis): uPlot.Axis {
  // The same width with and without a unit: the time axes of charts lie below each other.
  const title = unit === "" ? { size: AXIS_PX + LABEL_PX } : { size: AXIS_PX, label: unit, labelFont: FONT, labelSize: LABEL_PX, labelGap: 0 };
  if (isPicture) {
    return {
      ...common,
      ...title,
      grid: { show: false },
      splits: () => reading()?.ticks.map(([place]) => place) ?? [],
      values: (_plot, splits) => splits.map((at) => reading()?.ticks.find(([place]) => place === at)?.[1] ?? ""),
    };
  }
  return {
    ...common,
    ...title,
    space: 34,
    values: (_plot, splits) => {
      const step = (splits[1] ?? 1) - (splits[0] ?? 0);
      const shown = step > 0 && step < 1 ? Math.min(4, Math.ceil(-Math.log10(step))) : 0;
      return splits.map((value) => format.number(value, shown));
    },
  };
}

function hooks(options: Options): uPlot.Hooks.Arrays {
  return {
    drawClear: [
      (plot) => {
        const picture = options.picture();
        if (picture) paintPicture(plot, picture);
      },
    ],
    drawAxes: [(plot) => paintSpans(plot, options.spans())],
    draw: [(plot) => paintMarks(plot, options.marks())],
    setSelect: [
      (plot) => {
        if (plot.select.width < MIN_DRAG_PX) return;
        // A selection is in all charts of a group; the one under the pointer speaks for them.
        if (plot.cursor.event) options.onZoom(plot.posToVal(plot.select.left, "x"), plot.posToVal(plot.select.left + plot.select.width, "x"));
        plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
      },
    ],
    setCursor: [
      (plot) => {
        const { left = -1, top = -1, event } = plot.cursor;
        const reading = options.reading();
        if (!reading) return;
        const isOwn = Boolean(event) && top >= 0;
        options.onRead(left < 0 ? "" : reading.read(plot.posToVal(left, "x"), isOwn ? plot.posToVal(top, "y") : null));
      },
    ],
  };
}

export function buildOptions(options: Options): uPlot.Options {
  const axis: uPlot.Axis = { stroke: token("--faint"), font: FONT, ticks: { show: false }, grid: { stroke: token("--chart-grid"), width: 1 } };
  const { isPicture, picture } = options;
  return {
    width: options.width,
    height: options.height,
    // The last tick may stand at the end, half of its text beyond it.
    padding: [8, 20, 0, 0],
    legend: { live: true, show: !isPicture },
    cursor: {
      sync: { key: options.syncKey, setSeries: false },
      drag: { x: true, y: false, setScale: false },
      points: isPicture ? { show: false } : { size: 6 },
      bind: {
        dblclick: () => () => {
          options.onBack();
          return null;
        },
      },
    },
    scales: {
      x: { time: !options.format.elapsed, range: () => [...options.range()] as uPlot.Range.MinMax },
      y: { range: (_plot, low, high) => (isPicture ? [-0.5, (picture()?.rows ?? 1) - 0.5] : paddedRange(low, high)) },
    },
    axes: [{ ...axis, ...(isPicture ? { grid: { show: false } } : {}), space: 80, size: 26, values: options.format.elapsed ? elapsedAxis(options.format) : timeAxis(options.format.locale) }, valueAxis(options, axis)],
    ...lines(options),
    hooks: hooks(options),
  };
}
