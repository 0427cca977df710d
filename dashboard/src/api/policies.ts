// Settings of the collector that an administrator changes while it runs.
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { client, unwrap } from "./client";
import type { components } from "./schema";

export type Policy = components["schemas"]["PolicyOut"];
export type Loss = components["schemas"]["Loss"];

const POLICIES = ["policies"] as const;

export const policiesQuery = queryOptions({
  queryKey: POLICIES,
  queryFn: ({ signal }) => unwrap(client.GET("/api/v1/policies", { signal })),
});

export interface PolicyChange {
  /** Null for the default. */
  value: number | null;
  acceptLoss: boolean;
}

/** Sets a policy unless that deletes something that was not accepted: then gives what it would delete. */
export function useChangePolicy(setting: Policy["setting"]) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: async ({ value, acceptLoss }: PolicyChange): Promise<Loss | null> => {
      if (!acceptLoss) {
        const query = value === null ? {} : { value };
        const loss = await unwrap(client.GET("/api/v1/policies/{setting}/loss", { params: { path: { setting }, query } }));
        if (loss.rows > 0 || loss.bytes > 0 || loss.days > 0) return loss;
      }
      await unwrap(client.PUT("/api/v1/policies/{setting}", { params: { path: { setting } }, body: { value, accept_loss: acceptLoss } }));
      await cache.invalidateQueries({ queryKey: POLICIES });
      return null;
    },
  });
}
