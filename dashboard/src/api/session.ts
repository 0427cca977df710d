// Who is signed in, in this browser and in others, and signing in and out.
import { infiniteQueryOptions, queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { client, onSignedOut, unwrap } from "./client";
import { queryClient } from "./query-client";
import type { components } from "./schema";

export type SessionState = components["schemas"]["SessionState"];
export type SignedIn = components["schemas"]["SignedIn"];
export type OpenSession = components["schemas"]["SessionOut"];
export type Role = SignedIn["role"];

const RANKS: Record<Role, number> = { viewer: 0, operator: 1, administrator: 2 };
const SESSION_KEY = ["session"] as const;
const SESSIONS = 20;
const OWN_SESSIONS_KEY = ["account", "sessions"] as const;

export const sessionQuery = queryOptions({
  queryKey: SESSION_KEY,
  queryFn: ({ signal }) => unwrap(client.GET("/api/v1/session", { signal })),
  staleTime: 60_000,
});

/** Nobody is signed in any more: what was read for the one who was is forgotten, the page stays where it is. */
function forgetUser(): void {
  queryClient.setQueryData(SESSION_KEY, (before: SessionState | undefined) => before && { ...before, user: null });
  queryClient.removeQueries({ predicate: (query) => query.queryKey[0] !== SESSION_KEY[0] });
}

function welcome(user: SignedIn): void {
  queryClient.removeQueries({ predicate: (query) => query.queryKey[0] !== SESSION_KEY[0] });
  queryClient.setQueryData(SESSION_KEY, (before: SessionState | undefined) => before && { ...before, user, setup_needed: false });
}

onSignedOut(forgetUser);

/** Ask whether the session still holds: a stream was refused, and a stream does not say why. */
export function askAgainWhoIsSignedIn(): void {
  void queryClient.invalidateQueries({ queryKey: SESSION_KEY });
}

export const ROLES: readonly Role[] = ["viewer", "operator", "administrator"];

/** Whether somebody of a role may do what needs another. */
export function mayAs(own: Role, needed: Role): boolean {
  return RANKS[own] >= RANKS[needed];
}

/** Whether the one who is signed in has at least a role. */
export function useMay(role: Role): boolean {
  const session = useQuery(sessionQuery);
  const own = session.data?.user?.role;
  return own !== undefined && mayAs(own, role);
}

export function useSignIn() {
  return useMutation({
    mutationFn: (body: components["schemas"]["SignIn"]) => unwrap(client.POST("/api/v1/session", { body })),
    onSuccess: welcome,
  });
}

export function useSetUp() {
  return useMutation({
    mutationFn: (body: components["schemas"]["Setup"]) => unwrap(client.POST("/api/v1/setup", { body })),
    onSuccess: welcome,
  });
}

export function useSignOut() {
  return useMutation({
    mutationFn: (where: "here" | "everywhere") =>
      where === "here" ? unwrap(client.DELETE("/api/v1/session")) : unwrap(client.DELETE("/api/v1/account/sessions")),
    onSuccess: forgetUser,
  });
}

export const ownSessionsQuery = infiniteQueryOptions({
  queryKey: OWN_SESSIONS_KEY,
  queryFn: ({ signal, pageParam: before }) =>
    unwrap(client.GET("/api/v1/account/sessions", { params: { query: { limit: SESSIONS, before } }, signal })),
  initialPageParam: null as string | null,
  getNextPageParam: (last) => last.next,
});

export function useEndSession() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => unwrap(client.DELETE("/api/v1/account/sessions/{session_id}", { params: { path: { session_id: id } } })),
    onSettled: () => cache.invalidateQueries({ queryKey: OWN_SESSIONS_KEY }),
  });
}

export function useChangePassword() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (body: components["schemas"]["PasswordChange"]) => unwrap(client.PUT("/api/v1/account/password", { body })),
    onSuccess: () => cache.invalidateQueries({ queryKey: OWN_SESSIONS_KEY }),
  });
}
