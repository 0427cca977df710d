// Notes and maintenance of a machine.
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { client, unwrap } from "./client";
import { keys } from "./queries";
import type { components } from "./schema";

export type Note = components["schemas"]["NoteOut"];
export type NewNote = components["schemas"]["NewNote"];
export type NoteChange = components["schemas"]["NoteChange"];

const NOTES = ["notes"] as const;
const SHOWN = 200;

export const notesQuery = (machineId: string) =>
  queryOptions({
    queryKey: [...NOTES, machineId] as const,
    queryFn: ({ signal }) => unwrap(client.GET("/api/v1/notes", { params: { query: { machine: machineId, limit: SHOWN } }, signal })),
    refetchInterval: 60_000,
  });

/** Maintenance changes the state of its machine. */
function useRefresh() {
  const cache = useQueryClient();
  return () => {
    void cache.invalidateQueries({ queryKey: keys.machines });
    void cache.invalidateQueries({ queryKey: keys.fleet });
    return cache.invalidateQueries({ queryKey: NOTES });
  };
}

export function useAddNote() {
  return useMutation({
    mutationFn: (body: NewNote) => unwrap(client.POST("/api/v1/notes", { body })),
    onSuccess: useRefresh(),
  });
}

export function useChangeNote() {
  return useMutation({
    mutationFn: ({ id, changes }: { id: string; changes: NoteChange }) =>
      unwrap(client.PATCH("/api/v1/notes/{note_id}", { params: { path: { note_id: id } }, body: changes })),
    onSuccess: useRefresh(),
  });
}

export function useDeleteNote() {
  return useMutation({
    mutationFn: (id: string) => unwrap(client.DELETE("/api/v1/notes/{note_id}", { params: { path: { note_id: id } } })),
    onSuccess: useRefresh(),
  });
}

export function useRestoreNote() {
  return useMutation({
    mutationFn: (id: string) => unwrap(client.POST("/api/v1/notes/{note_id}/restore", { params: { path: { note_id: id } } })),
    onSuccess: useRefresh(),
  });
}
