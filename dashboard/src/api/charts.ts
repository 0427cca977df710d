// What the charts of a machine read beside its series: levels of bands, another period, its events and their spans.
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { client, unwrap } from "./client";
import { keys, SERIES_POINTS, type SeriesWindow } from "./queries";

export const BAND_COLUMNS = 600;
const LEAST_REFETCH_MS = 15_000;
const EVENTS = 1_000;

type TimeSpan = SeriesWindow["span"];

interface Period {
  sensorId: string;
  span: TimeSpan;
  /** How much earlier than the span, in microseconds. */
  shiftUs: number;
}

/** Ends of a span that may follow the clock, moved by a shift. */
function ends({ span, shiftUs }: Omit<Period, "sensorId">, nowUs: number): { from_us: number; to_us: number } {
  const to = "live_us" in span ? Math.round(nowUs) : span.to_us;
  const from = "live_us" in span ? to - span.live_us : span.from_us;
  return { from_us: Math.max(0, from - shiftUs), to_us: Math.max(1, to - shiftUs) };
}

function refetchMs(span: TimeSpan): number | false {
  return "live_us" in span ? Math.max(LEAST_REFETCH_MS, span.live_us / 1000 / BAND_COLUMNS) : false;
}

export const bandsQuery = (period: Period, nowUs: () => number) =>
  queryOptions({
    queryKey: ["bands", period.sensorId, period.span, period.shiftUs] as const,
    queryFn: ({ signal }) => {
      const query = { ...ends(period, nowUs()), columns: BAND_COLUMNS };
      return unwrap(client.GET("/api/v1/sensors/{sensor_id}/bands", { params: { path: { sensor_id: period.sensorId }, query }, signal }));
    },
    placeholderData: keepPreviousData,
    refetchInterval: refetchMs(period.span),
  });

/** Another period or another sensor's, to lay over a series; the live stream does not patch it. */
export const comparisonQuery = (period: Period, features: readonly string[], nowUs: () => number) =>
  queryOptions({
    queryKey: ["comparison", period.sensorId, period.span, period.shiftUs, features.join(",")] as const,
    queryFn: ({ signal }) => {
      const query = {
        ...ends(period, nowUs()),
        points: SERIES_POINTS,
        ...(features.length > 0 ? { features: features.join(",") } : {}),
      };
      return unwrap(client.GET("/api/v1/sensors/{sensor_id}/series", { params: { path: { sensor_id: period.sensorId }, query }, signal }));
    },
    placeholderData: keepPreviousData,
    refetchInterval: refetchMs(period.span),
  });

/** The events of a sensor that charts shade: as many as the collector gives at once. */
export const sensorEventsQuery = (sensorId: string) =>
  queryOptions({
    queryKey: [...keys.events, "sensor", sensorId] as const,
    queryFn: ({ signal }) => unwrap(client.GET("/api/v1/events", { params: { query: { sensor: sensorId, limit: EVENTS } }, signal })),
    refetchInterval: 60_000,
  });
