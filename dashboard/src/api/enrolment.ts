// Enrolment keys: made, watched until an agent has used one, revoked. A key's text lives in the page that made it alone.
import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { client, unwrap } from "./client";
import type { components } from "./schema";

export type EnrolmentKey = components["schemas"]["EnrolmentKeyOut"];
export type KeyWanted = components["schemas"]["EnrolmentKeyWanted"];
export type KeyMade = components["schemas"]["EnrolmentKeyMade"];

const KEY = ["enrolment-keys"] as const;
const WATCH_MS = 2_000;
const REFETCH_MS = 15_000;
const PAGE = 20;

export const enrolmentKeysQuery = infiniteQueryOptions({
  queryKey: [...KEY, "list"] as const,
  queryFn: ({ signal, pageParam: after }) =>
    unwrap(client.GET("/api/v1/enrolment-keys", { params: { query: { limit: PAGE, ...(after === null ? {} : { after }) } }, signal })),
  initialPageParam: null as string | null,
  getNextPageParam: (page) => page.next,
  refetchInterval: REFETCH_MS,
});

/** A key and who enrolled with it, asked often for as long as somebody still may. */
export const enrolmentKeyQuery = (id: string) =>
  queryOptions({
    queryKey: [...KEY, id] as const,
    queryFn: ({ signal }) => unwrap(client.GET("/api/v1/enrolment-keys/{key_id}", { params: { path: { key_id: id } }, signal })),
    refetchInterval: ({ state: { data } }) => (data && data.state !== "valid" && data.agents.every(({ last_seen_us: seen }) => seen !== null) ? false : WATCH_MS),
  });

export function useMakeKey() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (body: KeyWanted) => unwrap(client.POST("/api/v1/enrolment-keys", { body })),
    onSettled: () => cache.invalidateQueries({ queryKey: KEY }),
    // The answer holds the secret: it goes with the page that asked.
    gcTime: 0,
  });
}

export function useRevokeKey() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => unwrap(client.POST("/api/v1/enrolment-keys/{key_id}/revoke", { params: { path: { key_id: id } } })),
    onSettled: () => cache.invalidateQueries({ queryKey: KEY }),
  });
}
