// Sound clips: whose are kept, the clips of a machine's events, and the log of who allowed and who listened.
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { BASE_URL, client, unwrap } from "./client";
import type { components } from "./schema";

export type Clip = components["schemas"]["ClipOut"];
export type ClipPermission = components["schemas"]["PermissionOut"];
export type ClipPicture = Omit<components["schemas"]["ClipSpectrogram"], "shape"> & {
  /** Columns, rows. */
  shape: readonly number[];
};
export type NormalClip = components["schemas"]["NormalClipOut"];
export type AuditEntry = components["schemas"]["AuditOut"];

const REFETCH_MS = 15_000;
const SHOWN = 10;

/** Where the sound of a clip is played from; the collector logs that it was. */
export function clipUrl(id: string): string {
  return new URL(`api/v1/clips/${id}`, BASE_URL).href;
}

export const eventClipsQuery = (machineId: string) =>
  queryOptions({
    queryKey: ["clips", machineId] as const,
    queryFn: ({ signal }) =>
      unwrap(client.GET("/api/v1/clips", { params: { query: { machine: machineId, kind: "event", limit: 200 } }, signal })),
    refetchInterval: REFETCH_MS,
  });

/** The clip of an event; null while there is none. */
export const clipOfEventQuery = (eventId: string) =>
  queryOptions({
    queryKey: ["clip-of", eventId] as const,
    queryFn: async ({ signal }) => {
      const page = await unwrap(client.GET("/api/v1/clips", { params: { query: { event: eventId, limit: 1 } }, signal }));
      return page.items[0] ?? null;
    },
    // It comes behind its event.
    refetchInterval: (query) => (query.state.data === null ? REFETCH_MS : false),
  });

/** Ask ahead whether events have sound, so that it is shown at once; nothing of it is fetched, and nobody has looked. */
export function useAskAhead(eventIds: readonly string[], enabled: boolean): void {
  const cache = useQueryClient();
  const asked = eventIds.join(" ");
  useEffect(() => {
    if (!enabled || asked === "") return;
    for (const id of asked.split(" ")) {
      cache.query(clipOfEventQuery(id)).catch(() => undefined); // asked again, and told, when it is needed
      cache.query(normalClipQuery(id)).catch(() => undefined);
    }
  }, [cache, asked, enabled]);
}

/** The machine's normal sound to compare an event with; null while there is none. */
export const normalClipQuery = (eventId: string) =>
  queryOptions({
    queryKey: ["normal-clip", eventId] as const,
    queryFn: async ({ signal }) => {
      const found = await unwrap(client.GET("/api/v1/events/{event_id}/normal-clip", { params: { path: { event_id: eventId } }, signal }));
      return found.clip;
    },
  });

/** What a clip looks like; it never changes. The collector logs that somebody looked. */
export const pictureQuery = (clipId: string) =>
  queryOptions({
    queryKey: ["clip-picture", clipId] as const,
    queryFn: ({ signal }) =>
      unwrap(client.GET("/api/v1/clips/{clip_id}/spectrogram", { params: { path: { clip_id: clipId } }, signal })),
    staleTime: Infinity,
    gcTime: 60_000,
  });

/** The sound of a clip as a file; the collector logs that somebody listened. */
export function readSound(clipId: string): Promise<ArrayBuffer> {
  return unwrap(client.GET("/api/v1/clips/{clip_id}", { params: { path: { clip_id: clipId } }, parseAs: "arrayBuffer" }));
}

export const permissionQuery = (sensorId: string) =>
  queryOptions({
    queryKey: ["clips-permission", sensorId] as const,
    queryFn: ({ signal }) =>
      unwrap(client.GET("/api/v1/sensors/{sensor_id}/clips-permission", { params: { path: { sensor_id: sensorId } }, signal })),
  });

export const auditQuery = (of: { clip: string } | { sensor: string }) =>
  queryOptions({
    queryKey: ["clip-audit", of] as const,
    queryFn: ({ signal }) => unwrap(client.GET("/api/v1/clip-audit", { params: { query: { ...of, limit: SHOWN } }, signal })),
  });

/** Read the log again: somebody has just listened. */
export function useRefreshAudit() {
  const cache = useQueryClient();
  return () => void cache.invalidateQueries({ queryKey: ["clip-audit"] });
}

/** Change the word of a site; all of its sensors may be meant. */
export function useChangeSitePermission(siteId: string) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (allowed: boolean | null) =>
      unwrap(client.PUT("/api/v1/sites/{site_id}/clips-permission", { params: { path: { site_id: siteId } }, body: { allowed } })),
    onSuccess: () => cache.invalidateQueries({ queryKey: ["clips-permission"] }),
  });
}

export function useChangePermission(sensorId: string) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (allowed: boolean) =>
      unwrap(
        client.PUT("/api/v1/sensors/{sensor_id}/clips-permission", {
          params: { path: { sensor_id: sensorId } },
          body: { allowed },
        }),
      ),
    onSuccess: (permission) => {
      cache.setQueryData(permissionQuery(sensorId).queryKey, permission);
      return cache.invalidateQueries({ queryKey: ["clip-audit"] });
    },
  });
}
