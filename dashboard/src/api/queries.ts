// What pages read from the collector: one query per resource, keys in one place.
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { setServerTime } from "@/lib/clock";
import { client, unwrap } from "./client";
import { readAll, WHOLE_PAGE } from "./pages";

const SAFETY_REFETCH_MS = 15_000;
export const SERIES_POINTS = 1000;

export const keys = {
  system: ["system"] as const,
  fleet: ["fleet"] as const,
  machines: ["machine"] as const,
  machine: (id: string) => ["machine", id] as const,
  series: ["series"] as const,
  seriesOf: (sensorId: string) => ["series", sensorId] as const,
  events: ["events"] as const,
  job: (id: number) => ["job", id] as const,
  detectability: ["detectability"] as const,
  models: ["models"] as const,
};

export const systemQuery = queryOptions({
  queryKey: keys.system,
  queryFn: ({ signal }) => unwrap(client.GET("/api/v1/system", { signal })),
  staleTime: 60_000,
});

/** All machines. The live stream patches it; the refetch finds what went silent. */
export const fleetQuery = queryOptions({
  queryKey: keys.fleet,
  queryFn: async ({ signal }) => {
    const fleet = await unwrap(client.GET("/api/v1/fleet", { signal }));
    setServerTime(fleet.server_time_us);
    return fleet;
  },
  refetchInterval: SAFETY_REFETCH_MS,
});

export const machineQuery = (id: string) =>
  queryOptions({
    queryKey: keys.machine(id),
    queryFn: ({ signal }) => unwrap(client.GET("/api/v1/machines/{machine_id}", { params: { path: { machine_id: id } }, signal })),
    refetchInterval: SAFETY_REFETCH_MS,
  });

/** All of an agent's self-checks, its own and its sensors'; told once a minute, and a change at once. */
export const checksQuery = (agentId: string) =>
  queryOptions({
    queryKey: ["checks", agentId] as const,
    queryFn: ({ signal }) => {
      const path = { agent_id: agentId };
      return readAll((after) => unwrap(client.GET("/api/v1/agents/{agent_id}/checks", { params: { path, query: { limit: WHOLE_PAGE, after } }, signal })));
    },
    refetchInterval: SAFETY_REFETCH_MS,
  });

export interface SeriesWindow {
  /** Length of a span that ends now, or a fixed span. */
  span: { live_us: number } | { from_us: number; to_us: number };
  features: readonly string[];
}

export const seriesQuery = (sensorId: string, { span, features }: SeriesWindow, nowUs: () => number) =>
  queryOptions({
    queryKey: [...keys.seriesOf(sensorId), span, features.join(",")] as const,
    queryFn: ({ signal }) => {
      const to = "live_us" in span ? Math.round(nowUs()) : span.to_us;
      const from = "live_us" in span ? to - span.live_us : span.from_us;
      const query = {
        from_us: from,
        to_us: to,
        points: SERIES_POINTS,
        ...(features.length > 0 ? { features: features.join(",") } : {}),
      };
      return unwrap(client.GET("/api/v1/sensors/{sensor_id}/series", { params: { path: { sensor_id: sensorId }, query }, signal }));
    },
    placeholderData: keepPreviousData,
    // Raw rows arrive by the live stream; buckets and chosen features are read again as they fill.
    refetchInterval: "live_us" in span ? Math.max(features.length > 0 ? 5_000 : 30_000, span.live_us / 1000 / 500) : false,
  });

export const featuresQuery = (schema: string) =>
  queryOptions({
    queryKey: ["features", schema] as const,
    queryFn: ({ signal }) => unwrap(client.GET("/api/v1/features", { params: { query: { schema } }, signal })),
    staleTime: Infinity,
  });

/** Asked again at times only: a day's windows do not move within minutes. A new model is another question. */
export const driftQuery = (sensorId: string, modelDigest: string | null, hours: number) =>
  queryOptions({
    queryKey: ["drift", sensorId, modelDigest, hours] as const,
    queryFn: ({ signal }) =>
      unwrap(client.GET("/api/v1/sensors/{sensor_id}/drift", { params: { path: { sensor_id: sensorId }, query: { hours } }, signal })),
    refetchInterval: 60_000,
  });

export const eventsQuery = (machineId: string) =>
  queryOptions({
    queryKey: [...keys.events, machineId] as const,
    queryFn: ({ signal }) =>
      unwrap(client.GET("/api/v1/events", { params: { query: { machine: machineId, limit: 100 } }, signal })),
    refetchInterval: 30_000,
  });

export const detectabilityQuery = (sensorId: string) =>
  queryOptions({
    queryKey: [...keys.detectability, sensorId] as const,
    queryFn: ({ signal }) =>
      unwrap(client.GET("/api/v1/sensors/{sensor_id}/detectability", { params: { path: { sensor_id: sensorId } }, signal })),
    // A report comes by itself some minutes after the model; then it only changes with the model.
    refetchInterval: (query) => (query.state.data?.state === "known" ? false : SAFETY_REFETCH_MS),
  });

export const jobQuery = (id: number) =>
  queryOptions({
    queryKey: keys.job(id),
    queryFn: ({ signal }) => unwrap(client.GET("/api/v1/jobs/{job_id}", { params: { path: { job_id: id } }, signal })),
    refetchInterval: (query) => (isFinished(query.state.data?.status) ? false : 1000),
  });

export function isFinished(status: string | undefined): boolean {
  return status !== undefined && !["todo", "doing", "aborting"].includes(status);
}
