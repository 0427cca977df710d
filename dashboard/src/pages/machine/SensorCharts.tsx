// The charts of a sensor on one time axis: score against threshold, level, dominant frequency, features by choice.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { eventsQuery, featuresQuery, seriesQuery } from "@/api/queries";
import type { SensorDetail, Series } from "@/api/types";
import type { ChartProps } from "@/components/Chart";
import { ChartPanel } from "@/components/ChartPanel";
import type { Span } from "@/components/chart-options";
import { EmptyState } from "@/components/EmptyState";
import { ErrorState } from "@/components/ErrorState";
import { CloseIcon } from "@/components/icons";
import { SkeletonPanels } from "@/components/Skeleton";
import { useMessages } from "@/i18n";
import { serverNowUs, useServerNowUs } from "@/lib/clock";
import { LEVEL_A_UNIT, levelDigits, VELOCITY_UNIT } from "@/lib/levels";
import { chosenFeatures, firstRange, RANGE_US, type MachineSearch, type Range } from "@/lib/ranges";
import { useFormat } from "@/lib/use-format";
import { featureLabel } from "./feature-names";
import { FeaturePicker } from "./FeaturePicker";
import { RangePicker } from "./RangePicker";

const route = getRouteApi("/machines/$machineId");
const US = 1e6;
const CHART_PIXELS = 1000;

/** The shown ends of time in seconds; live ranges follow the clock, no more often than a pixel is wide. */
function useShownRange(search: MachineSearch, live: boolean, range: Range): readonly [number, number] {
  const now = useServerNowUs();
  const length = RANGE_US[range];
  const step = Math.max(US, length / CHART_PIXELS);
  const to = live ? Math.ceil(now / step) * step : (search.to ?? now);
  const from = live ? to - length : (search.from ?? to - length);
  return useMemo(() => [from / US, to / US] as const, [from, to]);
}

export function SensorCharts({ machineId, sensor }: { machineId: string; sensor: SensorDetail }) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const live = search.from === undefined || search.to === undefined;
  const features = chosenFeatures(search);
  // Chosen once: a range that grew by itself while somebody looks at it would be a surprise.
  const [begin] = useState(() => firstRange(sensor.sparkline));
  const range = search.range ?? begin;
  const span = live ? { live_us: RANGE_US[range] } : { from_us: search.from ?? 0, to_us: search.to ?? 0 };
  const series = useQuery(seriesQuery(sensor.id, { span, features }, serverNowUs));
  const rangeS = useShownRange(search, live, range);
  const zoom = (fromS: number, toS: number) => {
    void navigate({ search: (old) => ({ ...old, from: Math.round(fromS * US), to: Math.round(toS * US) }), resetScroll: false });
  };
  return (
    <>
      <div className="flex flex-wrap items-center justify-between gap-2">
        <RangePicker live={live} current={range} />
        <FeaturePicker schema={sensor.schema_id} chosen={features} />
      </div>
      {series.isPending && <SkeletonPanels count={3} className="h-40" />}
      {series.isError && !series.data && <ErrorState error={series.error} onRetry={() => void series.refetch()} />}
      {series.data && <Charts machineId={machineId} sensor={sensor} series={series.data} features={features} rangeS={rangeS} onZoom={zoom} />}
    </>
  );
}

interface ChartsProps {
  machineId: string;
  sensor: SensorDetail;
  series: Series;
  features: readonly string[];
  rangeS: readonly [number, number];
  onZoom: (fromS: number, toS: number) => void;
}

function useEventSpans(machineId: string, sensorId: string): readonly Span[] {
  const events = useQuery(eventsQuery(machineId));
  return useMemo(
    () =>
      (events.data?.items ?? [])
        .filter((event) => event.sensor_id === sensorId)
        .map((event) => ({ fromS: event.start_us / US, toS: event.end_us / US, open: event.state === "open" })),
    [events.data, sensorId],
  );
}

function Charts({ machineId, sensor, series, features, rangeS, onZoom }: ChartsProps) {
  const t = useMessages();
  const format = useFormat();
  const spans = useEventSpans(machineId, sensor.id);
  const timeS = useMemo(() => series.time_us.map((at) => at / US), [series.time_us]);
  // Where the machine stood still its score says nothing: a gap, not a peak above the threshold.
  const judged = useMemo(() => series.score.map((score, index) => (series.status[index] === "stopped" ? null : score)), [series.score, series.status]);
  const scoreLines = useMemo(
    () => [
      { label: t.machine.seriesScore, color: "--chart-1", values: judged },
      { label: t.machine.seriesThreshold, color: "--alarm", values: series.threshold, dashed: true, stepped: true },
    ],
    [judged, series.threshold, t],
  );
  const levelLines = useMemo(() => [{ label: t.level.title[series.quantity], color: "--chart-2", values: series.level }], [series.level, series.quantity, t]);
  const dominantLines = useMemo(() => [{ label: t.machine.dominant, color: "--chart-3", values: series.dominant_hz }], [series.dominant_hz, t]);
  if (timeS.length === 0) {
    return (
      <div className="panel">
        <EmptyState title={t.machine.noData}>{t.machine.noDataHint}</EmptyState>
      </div>
    );
  }
  const common = { timeS, rangeS, spans, syncKey: `machine-${machineId}`, onZoom };
  const note = series.resolution_us > 0 ? t.machine.bucketed(format.duration(series.resolution_us)) : undefined;
  const scored = series.score.some((score) => score !== null);
  return (
    <>
      {scored && <ChartPanel {...common} title={t.machine.chartScore} series={scoreLines} unit="" digits={3} height={230} note={note ?? t.chart.zoomHint} />}
      <ChartPanel {...common} title={t.level.title[series.quantity]} series={levelLines} unit={series.unit} digits={levelDigits(series.unit)} height={150} />
      <PhysicalChart {...common} series={series} />
      <ChartPanel {...common} title={t.machine.chartDominant} series={dominantLines} unit={t.unit.hz} digits={0} height={150} />
      {features.map((name) => (
        <FeatureChart key={name} {...common} name={name} schema={sensor.schema_id} values={series.features[name]} />
      ))}
    </>
  );
}

/** The A-weighted level of a calibrated microphone, the velocity of a calibrated accelerometer. */
function PhysicalChart({ series, ...chart }: Omit<ChartProps, "series" | "unit" | "digits" | "height" | "label"> & { series: Series }) {
  const t = useMessages();
  const values = series.level_a_db ?? series.velocity_mm_s;
  const isVelocity = series.velocity_mm_s !== null;
  const title = isVelocity ? t.level.velocity : t.level.weighted;
  const lines = useMemo(() => [{ label: title, color: "--chart-5", values: values ?? [] }], [title, values]);
  if (!values?.some((value) => value !== null)) return null;
  const unit = isVelocity ? VELOCITY_UNIT : LEVEL_A_UNIT;
  return <ChartPanel {...chart} title={title} series={lines} unit={unit} digits={levelDigits(unit)} height={150} note={isVelocity ? t.level.velocityNote : undefined} />;
}

interface FeatureChartProps {
  name: string;
  schema: string;
  values: readonly (number | null)[] | undefined;
  timeS: readonly number[];
  rangeS: readonly [number, number];
  spans: readonly Span[];
  syncKey: string;
  onZoom: (fromS: number, toS: number) => void;
}

function FeatureChart({ name, schema, values, ...chart }: FeatureChartProps) {
  const t = useMessages();
  const navigate = route.useNavigate();
  const known = useQuery(featuresQuery(schema));
  const feature = known.data?.find((each) => each.name === name);
  const title = feature ? featureLabel(feature, t) : name;
  const lines = useMemo(
    () => [{ label: title, color: "--chart-4", values: values ?? chart.timeS.map(() => null) }],
    [title, values, chart.timeS],
  );
  const remove = () => {
    void navigate({
      search: ({ features, ...old }) => {
        const rest = chosenFeatures({ ...old, ...(features === undefined ? {} : { features }) }).filter((each) => each !== name);
        return rest.length > 0 ? { ...old, features: rest.join(",") } : old;
      },
      resetScroll: false,
    });
  };
  const button = (
    <button type="button" aria-label={t.machine.featureRemove(title)} title={t.machine.featureRemove(title)} onClick={remove} className="rounded p-1 text-faint hover:bg-raised hover:text-ink">
      <CloseIcon />
    </button>
  );
  return <ChartPanel {...chart} title={title} series={lines} unit={feature?.unit ?? ""} digits={2} height={150} actions={button} />;
}
