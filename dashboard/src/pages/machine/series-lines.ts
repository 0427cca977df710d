// The lines that a sensor's series gives: where it was joined, means with the range behind them.
import type { Series } from "@/api/types";
import type { ChartSeries, Values } from "@/components/chart-data";
import type { Messages } from "@/i18n/en";
import type { Format } from "@/lib/format";
import { levelTitle } from "@/lib/levels";
import type { Comparison } from "./use-comparison";

const US = 1e6;
const COMPARED = { color: "--chart-compare", dashed: true };

/** Where the machine stood still its score says nothing: a gap, not a peak above the threshold. */
function judged(series: Series, scores: Values): Values {
  return scores.map((score, index) => (series.status[index] === "stopped" ? null : score));
}

/** The line of another period, moved to where it is compared. */
export function overlay(comparison: Comparison | null, values: (other: Series) => Values | null): ChartSeries[] {
  const other = comparison?.series;
  const found = other && values(other);
  if (!found) return [];
  return [{ ...COMPARED, label: comparison.label, values: found, timeS: other.time_us.map((at) => (at + comparison.shiftUs) / US) }];
}

export function scoreLines(series: Series, comparison: Comparison | null, t: Messages): ChartSeries[] {
  const lowest = series.score_mean && series.score_min;
  const main: ChartSeries = {
    label: lowest ? t.view.mean : t.machine.seriesScore,
    color: "--chart-1",
    values: judged(series, series.score_mean ?? series.score),
    range: lowest ? { low: judged(series, lowest), high: judged(series, series.score) } : undefined,
  };
  return [
    main,
    { label: t.machine.seriesThreshold, color: "--alarm", values: series.threshold, dashed: true, stepped: true },
    ...overlay(comparison, (other) => judged(other, other.score_mean ?? other.score)),
  ];
}

export function levelLines(series: Series, comparison: Comparison | null, t: Messages): ChartSeries[] {
  const { level_min: low, level_max: high, unit } = series;
  const main = { label: levelTitle(series, t), color: "--chart-2", values: series.level, range: low && high ? { low, high } : undefined };
  return [main, ...overlay(comparison, (other) => (other.unit === unit ? other.level : null))];
}

/** What a point of a chart is made of; nothing where it is one window. Of joined windows without a mean, scores show the strangest. */
export function resolution(series: Series, of: "score" | "level", t: Messages, format: Format): string | undefined {
  if (series.resolution_us === 0) return undefined;
  const span = format.duration(series.resolution_us);
  return of === "score" && series.resolution === "raw" ? t.view.joined(span) : t.view.rolled(span);
}
