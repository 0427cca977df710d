// The agents, and what an administrator does with them.
import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { client, unwrap } from "./client";
import { readAll, WHOLE_PAGE } from "./pages";
import type { components } from "./schema";

export type Agent = components["schemas"]["AgentOut"];
export type AgentCopy = components["schemas"]["CopyOut"];
export type Gap = components["schemas"]["GapOut"];
export type Evidence = components["schemas"]["Evidence"];

const REFETCH_MS = 10_000;
const FIRST_WORD_MS = 2_000;
const KEY = ["agents"] as const;

export const agentsQuery = queryOptions({
  queryKey: [...KEY, "all"] as const,
  queryFn: ({ signal }) => readAll((after) => unwrap(client.GET("/api/v1/agents", { params: { query: { limit: WHOLE_PAGE, after } }, signal }))),
  refetchInterval: REFETCH_MS,
});

export const agentQuery = (id: string) =>
  queryOptions({
    queryKey: [...KEY, id] as const,
    queryFn: ({ signal }) => unwrap(client.GET("/api/v1/agents/{agent_id}", { params: { path: { agent_id: id } }, signal })),
    // Until it is heard somebody is waiting beside it.
    refetchInterval: ({ state: { data } }) => (data?.last_seen_us === null ? FIRST_WORD_MS : REFETCH_MS),
  });

const GAPS_OF_A_PAGE = 20;

/** What an agent measured and lost, the latest told first. */
export const gapsQuery = (agentId: string) =>
  infiniteQueryOptions({
    queryKey: ["gaps", agentId] as const,
    queryFn: ({ signal, pageParam: before }) =>
      unwrap(client.GET("/api/v1/agents/{agent_id}/gaps", { params: { path: { agent_id: agentId }, query: { limit: GAPS_OF_A_PAGE, before } }, signal })),
    initialPageParam: null as number | null,
    getNextPageParam: (page) => page.next,
    refetchInterval: 60_000,
  });

export type Action = { kind: "revoke" } | { kind: "rotate" } | { kind: "accept"; copy: string | null };

/** Revoke or accept an agent or one of its copies, or have it get itself a new credential. */
export function useAct(agentId: string) {
  const cache = useQueryClient();
  const params = { path: { agent_id: agentId } };
  return useMutation({
    mutationFn: (action: Action) => {
      if (action.kind === "accept") {
        return unwrap(client.POST("/api/v1/agents/{agent_id}/accept", { params, body: { copy: action.copy } }));
      }
      if (action.kind === "revoke") return unwrap(client.POST("/api/v1/agents/{agent_id}/revoke", { params }));
      return unwrap(client.POST("/api/v1/agents/{agent_id}/rotate", { params }));
    },
    onSettled: () => cache.invalidateQueries({ queryKey: KEY }),
  });
}
