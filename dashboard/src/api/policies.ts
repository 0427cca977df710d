// Settings of the collector that an administrator changes while it runs.
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { ApiError, client, unwrap } from "./client";
import type { components } from "./schema";

export type Policy = components["schemas"]["PolicyOut"];
export type Loss = components["schemas"]["Loss"];

const POLICIES = ["policies"] as const;
const CHANGED = "changed_meanwhile";

const readPolicies = (signal?: AbortSignal) => unwrap(client.GET("/api/v1/policies", signal ? { signal } : {}));

export const policiesQuery = queryOptions({
  queryKey: POLICIES,
  queryFn: ({ signal }) => readPolicies(signal),
});

export interface PolicyChange {
  /** Null for the default. */
  value: number | null;
  acceptLoss: boolean;
  /** When what it replaces was set, as it was shown; null for the default. */
  overUs: number | null;
}

/** Why a policy was not set: it would delete something, or somebody else has changed it since it was shown. */
export type Unsettled = { loss: Loss } | { theirs: Policy };

/** Shows what holds now. */
export function useRefreshPolicies() {
  const cache = useQueryClient();
  return () => void cache.invalidateQueries({ queryKey: POLICIES });
}

/** Sets a policy, unless somebody has to say something to it first. */
export function useChangePolicy(setting: Policy["setting"]) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: async ({ value, acceptLoss, overUs }: PolicyChange): Promise<Unsettled | null> => {
      if (!acceptLoss) {
        const query = value === null ? {} : { value };
        const loss = await unwrap(client.GET("/api/v1/policies/{setting}/loss", { params: { path: { setting }, query } }));
        if (loss.rows > 0 || loss.bytes > 0 || loss.days > 0) return { loss };
      }
      const body = { value, accept_loss: acceptLoss, over_us: overUs };
      try {
        await unwrap(client.PUT("/api/v1/policies/{setting}", { params: { path: { setting } }, body }));
      } catch (error) {
        const theirs = error instanceof ApiError && error.kind === CHANGED ? (await readPolicies()).find((each) => each.setting === setting) : undefined;
        if (!theirs) throw error;
        return { theirs };
      }
      await cache.invalidateQueries({ queryKey: POLICIES });
      return null;
    },
  });
}
