// Reviewing events: the queue, what was said of them, saying it and taking it back.
import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { client, unwrap } from "./client";
import { keys } from "./queries";
import type { components } from "./schema";

export type Verdict = components["schemas"]["Verdict"];
export type Cause = components["schemas"]["VerdictCause"];
export type VerdictOut = components["schemas"]["VerdictOut"];
export type HistoryEntry = components["schemas"]["HistoryEntry"];
export type Order = "newest" | "worst";

const PAGE = 30;
const REFETCH_MS = 30_000;

export interface QueueFilter {
  order: Order;
  reviewed: boolean | undefined;
  site: string | undefined;
  machine: string | undefined;
}

export const queueQuery = ({ order, reviewed, site, machine }: QueueFilter) =>
  infiniteQueryOptions({
    queryKey: [...keys.events, "queue", order, reviewed, site, machine] as const,
    queryFn: ({ signal, pageParam }) => {
      const query = {
        order,
        limit: PAGE,
        ...(reviewed === undefined ? {} : { reviewed }),
        ...(site === undefined ? {} : { site }),
        ...(machine === undefined ? {} : { machine }),
        ...(pageParam === null ? {} : { before: pageParam }),
      };
      return unwrap(client.GET("/api/v1/events", { params: { query }, signal }));
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    refetchInterval: REFETCH_MS,
  });

export const eventQuery = (eventId: string) =>
  queryOptions({
    queryKey: [...keys.events, "one", eventId] as const,
    queryFn: ({ signal }) => unwrap(client.GET("/api/v1/events/{event_id}", { params: { path: { event_id: eventId } }, signal })),
  });

/** How many events nobody has judged yet. */
export const unreviewedQuery = queryOptions({
  queryKey: [...keys.events, "unreviewed"] as const,
  queryFn: async ({ signal }) => {
    const page = await unwrap(client.GET("/api/v1/events", { params: { query: { reviewed: false, limit: 1 } }, signal }));
    return page.unreviewed;
  },
  refetchInterval: REFETCH_MS,
});

export const historyQuery = (eventId: string) =>
  infiniteQueryOptions({
    queryKey: [...keys.events, "history", eventId] as const,
    queryFn: ({ signal, pageParam: before }) =>
      unwrap(client.GET("/api/v1/events/{event_id}/history", { params: { path: { event_id: eventId }, query: { limit: PAGE, before } }, signal })),
    initialPageParam: null as number | null,
    getNextPageParam: (page) => page.next,
  });

export interface Saying {
  events: string[];
  verdict: Verdict;
  cause: Cause;
  comment: string;
  kept?: boolean;
}

/** Say what events were. */
export function useReview() {
  const cache = useQueryClient();
  return useMutation({
    networkMode: "always",
    mutationFn: (said: Saying) => unwrap(client.POST("/api/v1/reviews", { body: said })),
    onSuccess: () => cache.invalidateQueries({ queryKey: keys.events }),
  });
}

/** Take verdicts back, by their ids. */
export function useUndo() {
  const cache = useQueryClient();
  return useMutation({
    networkMode: "always",
    mutationFn: (verdicts: number[]) => unwrap(client.POST("/api/v1/reviews/undo", { body: { verdicts } })),
    onSettled: () => cache.invalidateQueries({ queryKey: keys.events }),
  });
}
