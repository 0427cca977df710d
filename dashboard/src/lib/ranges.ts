// Time ranges of the machine page, as they stand in its address.

const MINUTE_US = 60e6;
export const RANGES = ["10m", "1h", "6h", "24h", "7d", "30d", "1y"] as const;
export type Range = (typeof RANGES)[number];

export const RANGE_US: Record<Range, number> = {
  "10m": 10 * MINUTE_US,
  "1h": 60 * MINUTE_US,
  "6h": 360 * MINUTE_US,
  "24h": 1_440 * MINUTE_US,
  "7d": 10_080 * MINUTE_US,
  "30d": 43_200 * MINUTE_US,
  "1y": 525_600 * MINUTE_US,
};

/** The range to begin with: an hour, or ten minutes of a sensor that is younger. */
export function firstRange(sparkline: { time_us: readonly number[] }): Range {
  const span = (sparkline.time_us.at(-1) ?? 0) - (sparkline.time_us[0] ?? 0);
  return sparkline.time_us.length > 0 && span < RANGE_US["10m"] ? "10m" : "1h";
}

export const MAX_FEATURES = 4;

/** What the machine page shows, kept in its address so that it can be copied. */
export interface MachineSearch {
  sensor?: string;
  range?: Range;
  from?: number;
  to?: number;
  features?: string;
  /** Another sensor to compare with. */
  vs?: string;
  /** How much earlier than what is shown the other period lies, in microseconds. */
  shift?: number;
}

export function parseMachineSearch(raw: Record<string, unknown>): MachineSearch {
  const search: MachineSearch = {};
  const range = RANGES.find((each) => each === raw.range);
  if (range) search.range = range;
  if (typeof raw.sensor === "string") search.sensor = raw.sensor;
  if (typeof raw.features === "string" && raw.features !== "") search.features = raw.features;
  if (isTime(raw.from) && isTime(raw.to) && raw.from < raw.to) {
    search.from = raw.from;
    search.to = raw.to;
  }
  if (typeof raw.vs === "string" && raw.vs !== "") search.vs = raw.vs;
  if (typeof raw.shift === "number" && Number.isSafeInteger(raw.shift) && raw.shift !== 0) search.shift = raw.shift;
  return search;
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

export function chosenFeatures(search: MachineSearch): string[] {
  return [...new Set((search.features ?? "").split(",").filter(Boolean))].slice(0, MAX_FEATURES);
}

export function withoutZoom(search: MachineSearch): MachineSearch {
  const rest = { ...search };
  delete rest.from;
  delete rest.to;
  return rest;
}

export const REPORT_RANGES = ["24h", "7d"] as const;

/** What the report of a machine shows: the chart of one of its sensors. */
export interface ReportSearch {
  sensor?: string;
  range?: (typeof REPORT_RANGES)[number];
}

export function parseReportSearch(raw: Record<string, unknown>): ReportSearch {
  const range = REPORT_RANGES.find((each) => each === raw.range);
  return { ...(range ? { range } : {}), ...(typeof raw.sensor === "string" ? { sensor: raw.sensor } : {}) };
}
