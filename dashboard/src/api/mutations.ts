// What pages change on the collector: sensors, training and pushing models.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { client, unwrap } from "./client";
import { keys } from "./queries";
import type { SensorSettings } from "./types";

export interface TrainRequest {
  sensorId: string;
  windows: number | undefined;
  percentile: number | undefined;
  budget: number | undefined;
  acceptDrift: boolean;
}

export function useTrain() {
  return useMutation({
    mutationFn: ({ sensorId, windows, percentile, budget, acceptDrift }: TrainRequest) =>
      unwrap(
        client.POST("/api/v1/sensors/{sensor_id}/train", {
          params: { path: { sensor_id: sensorId } },
          body: {
            ...(windows === undefined ? {} : { windows }),
            ...(percentile === undefined ? {} : { percentile }),
            ...(budget === undefined ? {} : { false_alarms_per_week: budget }),
            accept_drift: acceptDrift,
          },
        }),
      ),
  });
}

export interface SensorChange {
  sensorId: string;
  settings: SensorSettings;
}

/** Change a sensor's settings; what an agent applies reaches it with its next batches. */
export function useChangeSensor() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: ({ sensorId, settings }: SensorChange) =>
      unwrap(client.PATCH("/api/v1/sensors/{sensor_id}", { params: { path: { sensor_id: sensorId } }, body: settings })),
    onSuccess: () => cache.invalidateQueries({ queryKey: keys.machines }),
  });
}

export function usePush() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (digest: string) =>
      unwrap(client.POST("/api/v1/models/{digest}/push", { params: { path: { digest } } })),
    onSuccess: () =>
      Promise.all([cache.invalidateQueries({ queryKey: keys.machines }), cache.invalidateQueries({ queryKey: keys.models })]),
  });
}
