// Sites, machines and sensors as they are set up: names, places, tags, calibration.
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { client, unwrap } from "./client";
import { readAll, WHOLE_PAGE } from "./pages";
import { keys } from "./queries";
import type { components } from "./schema";

type Schemas = components["schemas"];
export type Site = Schemas["SiteEntry"];
export type MachineEntry = Schemas["MachineEntry"];
export type MachineChange = Schemas["MachineChange"];
export type SensorPlace = Schemas["SensorPlace"];
export type Calibration =
  | Schemas["SoundCalibrator"]
  | Schemas["VibrationCalibrator"]
  | Schemas["Sensitivity"]
  | Schemas["FullScaleGiven"];

const PLANT = ["plant"] as const;

/** All sites. */
export const sitesQuery = queryOptions({
  queryKey: [...PLANT, "sites"] as const,
  queryFn: ({ signal }) => readAll((after) => unwrap(client.GET("/api/v1/sites", { params: { query: { limit: WHOLE_PAGE, after } }, signal }))),
});

/** All machines of a site, also those without a sensor. */
export const machinesOfQuery = (site: string) =>
  queryOptions({
    queryKey: [...PLANT, "machines", site] as const,
    queryFn: ({ signal }) =>
      readAll((after) => unwrap(client.GET("/api/v1/machines", { params: { query: { site, limit: WHOLE_PAGE, after } }, signal }))),
  });

/** Names and places are shown on every page. */
function useRefresh() {
  const cache = useQueryClient();
  return () => {
    void cache.invalidateQueries({ queryKey: keys.machines });
    void cache.invalidateQueries({ queryKey: keys.fleet });
    return cache.invalidateQueries({ queryKey: PLANT });
  };
}

export function useCreateSite() {
  return useMutation({ mutationFn: (name: string) => unwrap(client.POST("/api/v1/sites", { body: { name } })), onSuccess: useRefresh() });
}

export function useRenameSite(id: string) {
  return useMutation({
    mutationFn: (name: string) => unwrap(client.PATCH("/api/v1/sites/{site_id}", { params: { path: { site_id: id } }, body: { name } })),
    onSuccess: useRefresh(),
  });
}

export function useDeleteSite(id: string) {
  return useMutation({
    mutationFn: () => unwrap(client.DELETE("/api/v1/sites/{site_id}", { params: { path: { site_id: id } } })),
    onSuccess: useRefresh(),
  });
}

export function useCreateMachine() {
  return useMutation({
    mutationFn: (body: { site_id: string; name: string }) => unwrap(client.POST("/api/v1/machines", { body: { ...body, tags: [] } })),
    onSuccess: useRefresh(),
  });
}

export function useChangeMachine(id: string) {
  return useMutation({
    mutationFn: (body: MachineChange) => unwrap(client.PATCH("/api/v1/machines/{machine_id}", { params: { path: { machine_id: id } }, body })),
    onSuccess: useRefresh(),
  });
}

/** With its notes, which is asked before. */
export function useDeleteMachine(id: string) {
  return useMutation({
    mutationFn: () =>
      unwrap(client.DELETE("/api/v1/machines/{machine_id}", { params: { path: { machine_id: id }, query: { with_notes: true } } })),
    onSuccess: useRefresh(),
  });
}

export function usePlaceSensor(id: string) {
  return useMutation({
    mutationFn: (body: Schemas["SensorChange"]) =>
      unwrap(client.PUT("/api/v1/sensors/{sensor_id}/place", { params: { path: { sensor_id: id } }, body })),
    onSuccess: useRefresh(),
  });
}

export function useCalibrate(id: string) {
  const params = { path: { sensor_id: id } };
  return useMutation({
    mutationFn: (body: Calibration | null) =>
      body === null
        ? unwrap(client.DELETE("/api/v1/sensors/{sensor_id}/calibration", { params }))
        : unwrap(client.PUT("/api/v1/sensors/{sensor_id}/calibration", { params, body })),
    onSuccess: useRefresh(),
  });
}
