// The predecessor's interface, behind developer mode: its own small set of calls on the sandbox.
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { BASE_URL, ApiError, PAGE_HEADER, unwrap } from "./client";

const REFRESH_MS = 5_000;

/** A row of `GET /analyses`, as the predecessor's clients see it. */
export interface SandboxRow {
  id: number;
  timestamp: string;
  rms_db: number | null;
  dominant_freq_hz: number | null;
  status: string;
  snr_db: number | null;
  flatness: number | null;
  band_levels: (number | null)[] | null;
  model_score: number | null;
  model_margin: number | null;
  model_threshold: number | null;
}

export interface SandboxKpis {
  last_timestamp: string | null;
  last_value: number | null;
  last_frequency: number | null;
  last_status: string | null;
  anomalies_percent_window: number | null;
  total_measurements: number;
  ingest_rate_per_min: number | null;
  window_minutes: number;
  last_anomaly_ts: string | null;
}

export interface SandboxAnswer {
  message?: string;
  note?: string | null;
  error?: string | null;
  threshold?: number | null;
  train_windows?: number | null;
}

async function call<T>(path: string, init: RequestInit): Promise<T> {
  const request = async () => {
    const response = await fetch(new URL(path, BASE_URL), { ...init, headers: PAGE_HEADER });
    const body: unknown = await response.json().catch(() => null);
    return response.ok ? { data: body as T, response } : { error: body, response };
  };
  return unwrap<T>(request());
}

export const sandboxRowsQuery = (limit: number) =>
  queryOptions({
    queryKey: ["sandbox", "rows", limit] as const,
    queryFn: ({ signal }) => call<SandboxRow[]>(`analyses?limit=${limit}`, { signal }),
    refetchInterval: REFRESH_MS,
  });

export const sandboxKpisQuery = queryOptions({
  queryKey: ["sandbox", "kpis"] as const,
  queryFn: ({ signal }) => call<SandboxKpis>("analyses/kpis", { signal }),
  refetchInterval: REFRESH_MS,
});

export const SANDBOX_ACTIONS = ["generate", "train", "update", "clear"] as const;
export type SandboxAction = (typeof SANDBOX_ACTIONS)[number];

export function useSandboxAction() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: async (action: SandboxAction) => {
      const answer = await call<SandboxAnswer>(`v2/${action}`, { method: "POST" });
      if (answer.error) throw new ApiError(200, answer.error);
      return answer;
    },
    onSettled: () => cache.invalidateQueries({ queryKey: ["sandbox"] }),
  });
}
