// What a chart shows, as its plot, its table and its CSV need it.
import UPlot from "uplot";
import type uPlot from "uplot";
import type { Column } from "@/lib/csv";

export type Values = readonly (number | null)[];

export interface ChartSeries {
  label: string;
  /** Name of a token in styles.css, such as `--chart-1`. */
  color: string;
  values: Values;
  /** Times in seconds where they are not the chart's own. */
  timeS?: readonly number[] | undefined;
  /** What each value ranged over: drawn as a band behind the line. */
  range?: { low: Values; high: Values } | undefined;
  dashed?: boolean;
  stepped?: boolean;
  points?: boolean;
}

/** The columns of a plot: times, then of each series its range, if it has one, and its values. */
export function toPlot(timeS: readonly number[], series: readonly ChartSeries[]): uPlot.AlignedData {
  const columns = (each: ChartSeries) => (each.range ? [each.range.low, each.range.high, each.values] : [each.values]);
  if (series.every((each) => each.timeS === undefined)) return [timeS, ...series.flatMap(columns)] as uPlot.AlignedData;
  // The order of the columns is that of the tables.
  return UPlot.join(series.map((each) => [each.timeS ?? timeS, ...columns(each)] as uPlot.AlignedData));
}

export interface RangeWords {
  lowest: string;
  highest: string;
}

/** The columns of a table: a series with times of its own is taken at the chart's. */
export function toColumns(timeS: readonly number[], series: readonly ChartSeries[], words: RangeWords): Column[] {
  return series.flatMap((each) => {
    const own = { name: each.label, values: each.timeS ? atTimes(timeS, each.timeS, each.values) : each.values };
    if (!each.range) return [own];
    return [
      own,
      { name: `${each.label}, ${words.lowest}`, values: each.range.low },
      { name: `${each.label}, ${words.highest}`, values: each.range.high },
    ];
  });
}

/** The last value at or before each time, none where it is older than two of its steps. */
function atTimes(timeS: readonly number[], from: readonly number[], values: Values): (number | null)[] {
  const step = from.length > 1 ? ((from.at(-1) ?? 0) - (from[0] ?? 0)) / (from.length - 1) : Number.POSITIVE_INFINITY;
  let place = -1;
  return timeS.map((at) => {
    while (place + 1 < from.length && (from[place + 1] ?? 0) <= at) place++;
    return place >= 0 && at - (from[place] ?? 0) <= 2 * step ? (values[place] ?? null) : null;
  });
}
