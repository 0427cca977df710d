// What a sensor's model says of a recording, from the analysis itself or asked for afterwards.
import type { Analysis, SensorScore } from "@/api/analyses";
import type { Reason } from "@/api/types";

export interface Judgement {
  machine: string;
  machineId: string;
  sensor: string;
  threshold: number;
  /** Per window, as the others. */
  score: readonly number[];
  anomalous: readonly boolean[];
  reasons: readonly (readonly Reason[] | null)[];
}

export function ownJudgement({ sensor, model, score, anomalous, reasons }: Analysis): Judgement | null {
  if (!sensor || !model || !score || !anomalous) return null;
  return { machine: sensor.machine, machineId: sensor.machine_id, sensor: sensor.name, threshold: model.threshold, score, anomalous, reasons: reasons ?? [] };
}

export function judgementOf(found: SensorScore): Judgement | null {
  const { model, score, anomalous, reasons } = found;
  if (!model || !score || !anomalous) return null;
  return { machine: found.machine, machineId: found.machine_id, sensor: found.sensor, threshold: model.threshold, score, anomalous, reasons: reasons ?? [] };
}
