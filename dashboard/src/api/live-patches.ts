// How live measurements change what the cache holds: fleet cards, machine, series. Pure on their inputs.
import type { QueryClient } from "@tanstack/react-query";
import { worst } from "@/lib/status";
import { keys } from "./queries";
import type { Fleet, LiveMeasurements, MachineCard, MachineDetail, SensorCard, Series, State, WindowStatus } from "./types";

const SPARKLINE_SPAN_US = 3_600_000_000;
const SPARKLINE_POINTS = 60;

function newState(sensor: SensorCard, live: LiveMeasurements): State {
  // The machine is worked on until the collector says otherwise.
  if (sensor.status === "maintenance") return "maintenance";
  return sensor.open_event ? "alarm" : (live.status.at(-1) ?? sensor.status);
}

const highest = (a: number | null, b: number | null): number | null => (a === null ? b : b === null ? a : Math.max(a, b));

/** Half as many points, each the higher of two; the newest stays a point of its own where their number is odd. */
function halve(time: number[], values: (number | null)[]): void {
  const pairs = Math.ceil(time.length / 2);
  for (let pair = 0; pair < pairs; pair++) {
    time[pair] = time[2 * pair] ?? 0;
    values[pair] = highest(values[2 * pair] ?? null, values[2 * pair + 1] ?? null);
  }
  time.length = pairs;
  values.length = pairs;
}

function extendSparkline(line: SensorCard["sparkline"], live: LiveMeasurements): SensorCard["sparkline"] {
  const time = [...line.time_us];
  const values = [...line.value];
  const judged = live.score.map((score, index) => (live.status[index] === "stopped" ? null : score));
  const news = line.kind === "score" ? judged : live.level_dbfs;
  live.time_us.forEach((at, index) => {
    const value = news[index] ?? null;
    const last = time.at(-1);
    // The points that are there say how far apart they lie: a young sensor's are closer than an hour's.
    const step = last === undefined ? 0 : (0.9 * (last - (time[0] ?? last))) / Math.max(1, time.length - 1);
    if (last !== undefined && at > last && at - last < step) {
      values[values.length - 1] = highest(values.at(-1) ?? null, value);
    } else if (last === undefined || at > last) {
      time.push(at);
      values.push(value);
    }
  });
  const oldest = (time.at(-1) ?? 0) - SPARKLINE_SPAN_US;
  const gone = Math.max(time.findIndex((at) => at >= oldest), 0);
  time.splice(0, gone);
  values.splice(0, gone);
  if (time.length > SPARKLINE_POINTS + 1) halve(time, values);
  return { ...line, time_us: time, value: values };
}

export function patchSensor<T extends SensorCard>(sensor: T, live: LiveMeasurements): T {
  const latest = live.time_us.at(-1);
  // A backlog fills the past, and what was read meanwhile knows its newest window: the card shows the present, counted once.
  if (latest === undefined || (sensor.last_heard_us !== null && latest <= sensor.last_heard_us)) return sensor;
  const windows = live.status.filter((status) => status === "learning").length;
  return {
    ...sensor,
    status: newState(sensor, live),
    score: live.score.at(-1) ?? null,
    threshold: live.threshold,
    level_dbfs: live.level_dbfs.at(-1) ?? null,
    level: live.level.at(-1) ?? null,
    level_a_db: live.level_a_db?.at(-1) ?? null,
    velocity_mm_s: live.velocity_mm_s?.at(-1) ?? null,
    dominant_hz: live.dominant_hz.at(-1) ?? null,
    last_heard_us: latest,
    // While an event is open, the card tells what its windows have in common.
    reasons: sensor.open_event ? sensor.reasons : live.reasons,
    learning: sensor.learning && {
      ...sensor.learning,
      windows: Math.min(sensor.learning.windows + windows, sensor.learning.needed),
    },
    sparkline: extendSparkline(sensor.sparkline, live),
  };
}

function patchMachine<T extends MachineCard | MachineDetail>(machine: T, bySensor: Map<string, LiveMeasurements[]>): T {
  if (!machine.sensors.some((sensor) => bySensor.has(sensor.id))) return machine;
  const sensors = machine.sensors.map((sensor) => (bySensor.get(sensor.id) ?? []).reduce(patchSensor, sensor));
  const status = worst(sensors.map((sensor) => sensor.status));
  const speaker = sensors.find((sensor) => sensor.status === status);
  return {
    ...machine,
    sensors,
    status,
    score: speaker?.score ?? null,
    threshold: speaker?.threshold ?? null,
    last_heard_us: Math.max(...sensors.map((sensor) => sensor.last_heard_us ?? 0)) || null,
  };
}

/** The series with newer measurements at its end, and what is older than its span cut off. */
export function extendSeries(series: Series, live: LiveMeasurements): Series {
  const last = series.time_us.at(-1) ?? 0;
  const fresh = live.time_us.flatMap((at, index) => (at > last ? [index] : []));
  const end = live.time_us.at(-1) ?? 0;
  if (fresh.length === 0) return series;
  const from = series.from_us + Math.max(0, end - series.to_us);
  const keep = Math.max(0, series.time_us.findIndex((at) => at >= from));
  const join = <V>(old: V[], news: (index: number) => V): V[] => [...old.slice(keep), ...fresh.map(news)];
  const score = (index: number) => live.score[index] ?? null;
  const level = (index: number) => live.level[index] ?? Number.NaN;
  return {
    ...series,
    from_us: from,
    to_us: Math.max(end, series.to_us),
    time_us: join(series.time_us, (index) => live.time_us[index] ?? end),
    score: join(series.score, score),
    status: join<WindowStatus>(series.status, (index) => live.status[index] ?? "invalid"),
    level_dbfs: join(series.level_dbfs, (index) => live.level_dbfs[index] ?? Number.NaN),
    level: join(series.level, level),
    level_a_db: series.level_a_db && join(series.level_a_db, (index) => live.level_a_db?.[index] ?? null),
    velocity_mm_s: series.velocity_mm_s && join(series.velocity_mm_s, (index) => live.velocity_mm_s?.[index] ?? null),
    dominant_hz: join(series.dominant_hz, (index) => live.dominant_hz[index] ?? Number.NaN),
    threshold: join(series.threshold, () => live.threshold),
    windows: series.windows && join(series.windows, () => 1),
    anomalous: series.anomalous && join(series.anomalous, (index) => (live.status[index] === "anomalous" ? 1 : 0)),
    score_min: series.score_min && join(series.score_min, score),
    score_mean: series.score_mean && join(series.score_mean, score),
    score_max: series.score_max && join(series.score_max, score),
    level_min: series.level_min && join(series.level_min, level),
    level_max: series.level_max && join(series.level_max, level),
    features: Object.fromEntries(
      Object.entries(series.features).map(([name, values]) => [name, join(values, () => null)]),
    ),
  };
}

/** Whether any of the messages is a sensor's that the cached fleet does not have. */
export function strangers(cache: QueryClient, messages: readonly LiveMeasurements[]): boolean {
  const known = cache.getQueryData<Fleet>(keys.fleet);
  const shown = new Set(known?.machines.flatMap((machine) => machine.sensors.map((sensor) => sensor.id)));
  return known !== undefined && messages.some((message) => !shown.has(message.sensor_id));
}

/** Write gathered messages to every cached answer that shows their sensors. */
export function applyMeasurements(cache: QueryClient, messages: readonly LiveMeasurements[]): void {
  const bySensor = Map.groupBy(messages, (message) => message.sensor_id);
  cache.setQueryData<Fleet>(keys.fleet, (fleet) =>
    fleet && { ...fleet, machines: fleet.machines.map((machine) => patchMachine(machine, bySensor)) },
  );
  cache.setQueriesData<MachineDetail>({ queryKey: keys.machines }, (machine) => machine && patchMachine(machine, bySensor));
  for (const [sensorId, batch] of bySensor) {
    const filters = {
      queryKey: keys.seriesOf(sensorId),
      predicate: (query: { queryKey: readonly unknown[] }) => {
        const span = query.queryKey[2];
        return typeof span === "object" && span !== null && "live_us" in span;
      },
    };
    cache.setQueriesData<Series>(filters, (series) => series && batch.reduce(extendSeries, series));
  }
}
