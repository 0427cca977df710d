// Users, API tokens and the log of changes, for administrators.
import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { BASE_URL, client, unwrap } from "./client";
import { readAll, WHOLE_PAGE } from "./pages";
import type { components, operations } from "./schema";
import { askAgainWhoIsSignedIn } from "./session";

export type User = components["schemas"]["UserOut"];
export type UserChange = components["schemas"]["UserChange"];
export type Token = components["schemas"]["TokenOut"];
export type Change = components["schemas"]["ChangeOut"];
export type ChangeFilter = Omit<NonNullable<operations["read_audit"]["parameters"]["query"]>, "limit" | "before">;

const USERS = ["users"] as const;
const TOKENS = ["tokens"] as const;
const AUDIT = ["audit"] as const;
const ENTRIES = 50;

export const usersQuery = infiniteQueryOptions({
  queryKey: [...USERS, "list"] as const,
  queryFn: ({ signal, pageParam: after }) => unwrap(client.GET("/api/v1/users", { params: { query: { limit: ENTRIES, after } }, signal })),
  initialPageParam: null as string | null,
  getNextPageParam: (last) => last.next,
});

export const allUsersQuery = queryOptions({
  queryKey: [...USERS, "all"] as const,
  queryFn: ({ signal }) => readAll((after) => unwrap(client.GET("/api/v1/users", { params: { query: { limit: WHOLE_PAGE, after } }, signal }))),
});

export function useAddUser() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (body: components["schemas"]["NewUser"]) => unwrap(client.POST("/api/v1/users", { body })),
    onSuccess: () => cache.invalidateQueries({ queryKey: USERS }),
  });
}

/** It may be oneself who is changed: then the pages must know it at once. */
export function useChangeUser() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: ({ id, changes }: { id: string; changes: UserChange }) =>
      unwrap(client.PATCH("/api/v1/users/{user_id}", { params: { path: { user_id: id } }, body: changes })),
    onSuccess: () => {
      askAgainWhoIsSignedIn();
      void cache.invalidateQueries({ queryKey: TOKENS });
      return cache.invalidateQueries({ queryKey: USERS });
    },
  });
}

/** Tokens that are revoked or expired, or the others. */
export const tokensQuery = (ended: boolean) =>
  infiniteQueryOptions({
    queryKey: [...TOKENS, "list", ended] as const,
    queryFn: ({ signal, pageParam: before }) =>
      unwrap(client.GET("/api/v1/tokens", { params: { query: { ended, limit: ENTRIES, before } }, signal })),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next,
  });

export const allTokensQuery = queryOptions({
  queryKey: [...TOKENS, "all"] as const,
  queryFn: ({ signal }) => readAll((before) => unwrap(client.GET("/api/v1/tokens", { params: { query: { limit: WHOLE_PAGE, before } }, signal }))),
});

export function useAddToken() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (body: components["schemas"]["NewToken"]) => unwrap(client.POST("/api/v1/tokens", { body })),
    // Its secret is not kept longer than the page that shows it.
    gcTime: 0,
    onSuccess: () => cache.invalidateQueries({ queryKey: TOKENS }),
  });
}

export function useRevokeToken() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => unwrap(client.DELETE("/api/v1/tokens/{token_id}", { params: { path: { token_id: id } } })),
    onSuccess: () => cache.invalidateQueries({ queryKey: TOKENS }),
  });
}

export const auditQuery = (filter: ChangeFilter) =>
  infiniteQueryOptions({
    queryKey: [...AUDIT, "entries", filter] as const,
    queryFn: ({ signal, pageParam }) =>
      unwrap(client.GET("/api/v1/audit", { params: { query: { ...filter, limit: ENTRIES, ...(pageParam === null ? {} : { before: pageParam }) } }, signal })),
    initialPageParam: null as number | null,
    getNextPageParam: (last) => last.next,
  });

export const auditTermsQuery = queryOptions({
  queryKey: [...AUDIT, "terms"] as const,
  queryFn: ({ signal }) => unwrap(client.GET("/api/v1/audit/terms", { signal })),
});

/** Where the browser fetches the entries as CSV. */
export function auditFile(filter: ChangeFilter): string {
  const address = new URL("api/v1/audit/file", BASE_URL);
  for (const [name, value] of Object.entries(filter)) if (value !== null) address.searchParams.set(name, String(value));
  return address.href;
}

/** `expect` is the mark of an earlier check. */
export function useVerifyLog() {
  return useMutation({
    mutationFn: (expect: string | undefined) =>
      unwrap(client.GET("/api/v1/audit/verification", { params: { query: expect ? { expect } : {} } })),
  });
}
