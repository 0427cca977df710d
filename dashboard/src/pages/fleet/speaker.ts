import type { MachineCard, SensorCard } from "@/api/types";
import { worst } from "@/lib/status";

/** The sensor that decides the machine's state. */
export function speaker(machine: MachineCard): SensorCard | undefined {
  const state = worst(machine.sensors.map((sensor) => sensor.status));
  return machine.sensors.find((sensor) => sensor.status === state);
}
