// Models: which sensor runs which, one of them, its evaluations, and the jobs about them.
import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import type { ModelsSearch } from "@/lib/models-search";
import { BASE_URL, client, unwrap } from "./client";
import { keys } from "./queries";
import type { components } from "./schema";

type Schemas = components["schemas"];
export type SensorModels = Schemas["SensorModels"];
export type Standing = SensorModels["standing"];
export type ModelDetail = Schemas["ModelDetail"];
export type ModelAgent = Schemas["ModelAgent"];
export type Evaluation = Awaited<ReturnType<typeof readEvaluations>>[number];
export type EvaluationReport = NonNullable<Evaluation["report"]>;
export type ModelFigures = NonNullable<EvaluationReport["model"]>;
export type Job = Schemas["JobOut"];

const PAGE = 100;
const OF_A_SENSOR = 200;
const JOBS = 10;
const EVALUATIONS = 20;
const REFETCH_MS = 15_000;
const AT_WORK_MS = 1_500;

const isAtWork = ({ state }: { state: Job["state"] }) => state === "waiting" || state === "running";

/** Sensors with the models that they run and are to run. */
export const sensorModelsQuery = ({ q, site, standing }: ModelsSearch) =>
  infiniteQueryOptions({
    queryKey: [...keys.models, "sensors", q ?? "", site ?? "", standing ?? ""] as const,
    queryFn: ({ signal, pageParam }) => {
      const query = {
        limit: PAGE,
        ...(q === undefined ? {} : { q }),
        ...(site === undefined ? {} : { site }),
        ...(standing === undefined ? {} : { standing: [standing] }),
        ...(pageParam === undefined ? {} : { after: pageParam }),
      };
      return unwrap(client.GET("/api/v1/sensor-models", { params: { query }, signal }));
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    refetchInterval: REFETCH_MS,
    placeholderData: (before) => before,
  });

export const modelQuery = (digest: string) =>
  queryOptions({
    queryKey: [...keys.models, "one", digest] as const,
    queryFn: ({ signal }) => unwrap(client.GET("/api/v1/models/{digest}", { params: { path: { digest } }, signal })),
    refetchInterval: REFETCH_MS,
  });

/** The models of a sensor, the newest first. */
export const modelsOfSensorQuery = (sensor: string) =>
  queryOptions({
    queryKey: [...keys.models, "of", sensor] as const,
    queryFn: async ({ signal }) => (await unwrap(client.GET("/api/v1/models", { params: { query: { sensor, limit: OF_A_SENSOR } }, signal }))).items,
    refetchInterval: REFETCH_MS,
  });

async function readEvaluations(digest: string, signal: AbortSignal) {
  const params = { path: { digest }, query: { limit: EVALUATIONS } };
  return (await unwrap(client.GET("/api/v1/models/{digest}/evaluations", { params, signal }))).items;
}

/** The evaluations of a model, the newest first; asked again soon while one is at work. */
export const evaluationsQuery = (digest: string) =>
  queryOptions({
    queryKey: [...keys.models, "evaluations", digest] as const,
    queryFn: ({ signal }) => readEvaluations(digest, signal),
    refetchInterval: ({ state }) => (state.data?.some(isAtWork) ? AT_WORK_MS : REFETCH_MS),
  });

/** What was done and is done for a sensor's models, the newest first. */
export const sensorJobsQuery = (sensor: string) =>
  queryOptions({
    queryKey: [...keys.models, "jobs", sensor] as const,
    queryFn: async ({ signal }) => (await unwrap(client.GET("/api/v1/jobs", { params: { query: { sensor, limit: JOBS } }, signal }))).items,
    refetchInterval: ({ state }) => (state.data?.some(isAtWork) ? AT_WORK_MS : REFETCH_MS),
  });

export interface EvaluationRequest {
  digest: string;
  fromUs: number;
  toUs: number;
  compareWith: string | undefined;
}

export function useEvaluate() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: ({ digest, fromUs, toUs, compareWith }: EvaluationRequest) =>
      unwrap(
        client.POST("/api/v1/models/{digest}/evaluations", {
          params: { path: { digest } },
          body: { from_us: fromUs, to_us: toUs, ...(compareWith === undefined ? {} : { compare_with: compareWith }) },
        }),
      ),
    onSuccess: () => cache.invalidateQueries({ queryKey: keys.models }),
  });
}

/** The address of a bundle as a file. */
export function bundleAddress(digest: string): string {
  return new URL(`api/v1/models/${digest}/bundle`, BASE_URL).href;
}
