// The lines of a sensor, one chart below the other: score, level, physical quantity, dominant frequency, features.
import { type ReactNode, useMemo } from "react";
import type { SensorDetail, Series } from "@/api/types";
import type { ChartSeries } from "@/components/chart-data";
import { ChartPanel } from "@/components/ChartPanel";
import { useMessages } from "@/i18n";
import { LEVEL_A_UNIT, levelDigits, levelTitle, VELOCITY_UNIT } from "@/lib/levels";
import { useFormat } from "@/lib/use-format";
import { FeatureChart } from "./FeatureChart";
import { levelLines, overlay, resolution, scoreLines } from "./series-lines";
import type { Comparison } from "./use-comparison";
import type { Overlays } from "./use-overlays";
import type { ChartTime } from "./use-time-view";

const US = 1e6;
const SMALL_PX = 150;

export interface Shared {
  time: ChartTime;
  overlays: Overlays;
  comparison: Comparison | null;
  subject: string;
  syncKey: string;
}

interface Props extends Shared {
  series: Series;
  sensor: SensorDetail;
  features: readonly string[];
  /** Stands below the level. */
  children: ReactNode;
}

export function ChartStack({ series, sensor, features, children, comparison, time, overlays, ...named }: Props) {
  const t = useMessages();
  const format = useFormat();
  const timeS = useMemo(() => series.time_us.map((at) => at / US), [series.time_us]);
  const scores = useMemo(() => scoreLines(series, comparison, t), [series, comparison, t]);
  const levels = useMemo(() => levelLines(series, comparison, t), [series, comparison, t]);
  const dominantLines = useMemo<ChartSeries[]>(
    () => [{ label: t.machine.dominant, color: "--chart-3", values: series.dominant_hz }, ...overlay(comparison, (other) => other.dominant_hz)],
    [series.dominant_hz, comparison, t],
  );
  const common = { ...named, ...overlays, timeS, range: time.view, note: series.resolution_us > 0 ? t.view.step(format.duration(series.resolution_us)) : undefined };
  const scored = series.score.some((score) => score !== null);
  return (
    <>
      {scored && <ChartPanel {...common} note={resolution(series, "score", t, format)} title={t.machine.chartScore} series={scores} unit="" digits={3} height={230} />}
      <ChartPanel {...common} note={resolution(series, "level", t, format)} title={levelTitle(series, t)} series={levels} unit={series.unit} digits={levelDigits(series.unit)} height={SMALL_PX} />
      {children}
      <PhysicalChart {...common} series={series} comparison={comparison} />
      <ChartPanel {...common} title={t.machine.chartDominant} series={dominantLines} unit={t.unit.hz} digits={0} height={SMALL_PX} />
      {features.map((name) => (
        <FeatureChart
          key={name}
          {...common}
          name={name}
          schema={sensor.schema_id}
          values={series.features[name]}
          compared={overlay(comparison, (other) => other.features[name] ?? null)}
        />
      ))}
    </>
  );
}

type ChartShared = Omit<Parameters<typeof ChartPanel>[0], "series" | "unit" | "digits" | "height" | "title">;

/** The A-weighted level of a calibrated microphone, the velocity of a calibrated accelerometer. */
function PhysicalChart({ series, comparison, ...chart }: ChartShared & { series: Series; comparison: Comparison | null }) {
  const t = useMessages();
  const values = series.level_a_db ?? series.velocity_mm_s;
  const isVelocity = series.velocity_mm_s !== null;
  const title = isVelocity ? t.level.velocity : t.level.weighted;
  const lines = useMemo(
    () => [
      { label: title, color: "--chart-5", values: values ?? [] },
      ...overlay(comparison, (other) => (isVelocity ? other.velocity_mm_s : other.level_a_db)),
    ],
    [title, values, comparison, isVelocity],
  );
  if (!values?.some((value) => value !== null)) return null;
  const unit = isVelocity ? VELOCITY_UNIT : LEVEL_A_UNIT;
  return <ChartPanel {...chart} title={title} series={lines} unit={unit} digits={levelDigits(unit)} height={SMALL_PX} note={isVelocity ? t.level.velocityNote : chart.note} />;
}
