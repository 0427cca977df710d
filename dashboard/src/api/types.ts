// The collector's types under short names: from the generated schema, except what OpenAPI cannot say (the live stream).
import type { components } from "./schema";

type Schemas = components["schemas"];
export type Fleet = Schemas["Fleet"];
export type MachineCard = Schemas["MachineCard"];
export type SensorCard = Schemas["SensorCard"];
export type MachineDetail = Schemas["MachineDetail"];
export type SensorDetail = Schemas["SensorDetail"];
export type ModelSummary = Schemas["ModelSummary"];
export type Drift = Schemas["DriftOut"];
export type KindHeard = Schemas["KindHeard"];
export type Series = Schemas["Series"];
export type SensorSettings = Schemas["SensorSettings"];
export type EventOut = Schemas["EventOut"];
export type Check = Schemas["CheckOut"];
export type CheckState = Check["state"];
export type Reason = Schemas["Reason"];
export type State = MachineCard["status"];
/** What one measurement says of its machine. */
export type WindowStatus = Series["status"][number];

/** `event: measurements` of the live stream: columns of one sensor. */
export interface LiveMeasurements {
  sensor_id: string;
  machine_id: string;
  time_us: number[];
  score: (number | null)[];
  status: WindowStatus[];
  level_dbfs: number[];
  level: number[];
  /** Only where the sensor has the figure. */
  level_a_db?: (number | null)[];
  velocity_mm_s?: (number | null)[];
  dominant_hz: number[];
  threshold: number | null;
  /** Of the last window, null where it is not anomalous. */
  reasons: Reason[] | null;
}
