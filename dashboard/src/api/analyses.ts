// Analyses of recordings: sending one, what is kept of it, and what other machines' models say of it.
import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { client, unwrap } from "./client";
import type { components } from "./schema";
import { upload } from "./upload";

export type Analysis = components["schemas"]["AnalysisOut"];
export type AnalysisBrief = components["schemas"]["AnalysisBrief"];
export type SensorScore = components["schemas"]["SensorScore"];

const LIST = ["analyses"] as const;
const PAGE = 30;

export const analysesQuery = infiniteQueryOptions({
  queryKey: LIST,
  queryFn: ({ signal, pageParam: before }) => unwrap(client.GET("/api/v1/analyses", { params: { query: { limit: PAGE, before } }, signal })),
  initialPageParam: null as string | null,
  getNextPageParam: (page) => page.next,
  refetchInterval: 60_000,
});

/** It never changes. */
export const analysisQuery = (id: string) =>
  queryOptions({
    queryKey: ["analysis", id] as const,
    queryFn: ({ signal }) => unwrap(client.GET("/api/v1/analyses/{analysis_id}", { params: { path: { analysis_id: id } }, signal })),
    staleTime: Infinity,
  });

export const analysisPictureQuery = (id: string) =>
  queryOptions({
    queryKey: ["analysis-picture", id] as const,
    queryFn: ({ signal }) =>
      unwrap(client.GET("/api/v1/analyses/{analysis_id}/spectrogram", { params: { path: { analysis_id: id } }, signal })),
    staleTime: Infinity,
    gcTime: 60_000,
  });

/** What the models of sensors say of it; of all that can judge it where none is named. */
export const analysisScoresQuery = (id: string, sensors: readonly string[]) =>
  queryOptions({
    queryKey: ["analysis-scores", id, sensors] as const,
    queryFn: ({ signal }) => {
      const query = sensors.length > 0 ? { sensor: [...sensors] } : {};
      return unwrap(client.GET("/api/v1/analyses/{analysis_id}/scores", { params: { path: { analysis_id: id }, query }, signal }));
    },
    staleTime: 60_000,
  });

export interface Sending {
  file: Blob;
  filename: string;
  sensorId: string | null;
  /** Counted from 0. */
  channel: number;
  /** What the browser decoded it from, and its own sample rate where that is known. */
  decoded?: { container: string; rateHz: number | null } | undefined;
}

export function sendRecording(sending: Sending, onSent: (share: number) => void, signal: AbortSignal): Promise<Analysis> {
  const form = new FormData();
  if (sending.sensorId !== null) form.set("sensor", sending.sensorId);
  form.set("channel", String(sending.channel));
  if (sending.decoded) form.set("decoded_from", sending.decoded.container);
  if (sending.decoded?.rateHz) form.set("decoded_rate_hz", String(sending.decoded.rateHz));
  form.set("file", sending.file, sending.filename);
  return upload<Analysis>("/api/v1/analyses", form, onSent, signal);
}

export function useRefreshAnalyses() {
  const cache = useQueryClient();
  return () => void cache.invalidateQueries({ queryKey: LIST });
}

export function useDeleteAnalysis() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => unwrap(client.DELETE("/api/v1/analyses/{analysis_id}", { params: { path: { analysis_id: id } } })),
    onSuccess: (_, id) => {
      cache.removeQueries({ queryKey: ["analysis", id] });
      return cache.invalidateQueries({ queryKey: LIST });
    },
  });
}
