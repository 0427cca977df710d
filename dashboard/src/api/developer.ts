// The predecessor's interface, behind developer mode: its own small set of calls on the sandbox.
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { ApiError, client, unwrap } from "./client";
import type { components } from "./schema";

const REFRESH_MS = 5_000;

export type SandboxRow = components["schemas"]["AnalysisRow"];
export type SandboxKpis = components["schemas"]["Kpis"];

/** What any of the actions may say. */
interface SandboxAnswer {
  message?: string;
  note?: string | null;
  error?: string | null;
}

export const sandboxRowsQuery = (limit: number) =>
  queryOptions({
    queryKey: ["sandbox", "rows", limit] as const,
    queryFn: ({ signal }) => unwrap(client.GET("/analyses", { params: { query: { limit } }, signal })),
    refetchInterval: REFRESH_MS,
  });

export const sandboxKpisQuery = queryOptions({
  queryKey: ["sandbox", "kpis"] as const,
  queryFn: ({ signal }) => unwrap(client.GET("/analyses/kpis", { signal })),
  refetchInterval: REFRESH_MS,
});

export const SANDBOX_ACTIONS = ["generate", "train", "update", "clear"] as const;
export type SandboxAction = (typeof SANDBOX_ACTIONS)[number];

export function useSandboxAction() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: async (action: SandboxAction) => {
      const answer = await unwrap<SandboxAnswer>(client.POST(`/v2/${action}`));
      if (answer.error) throw new ApiError(200, answer.error);
      return answer;
    },
    onSettled: () => cache.invalidateQueries({ queryKey: ["sandbox"] }),
  });
}
