// Live measurements change cached answers as the collector itself would answer a moment later.
import { QueryClient } from "@tanstack/react-query";
import { describe, expect, it } from "vitest";
import { applyMeasurements, extendSeries, patchSensor } from "./live-patches";
import { keys } from "./queries";
import type { Fleet, LiveMeasurements, SensorCard, Series } from "./types";

const MINUTE_US = 60e6;

const sensor: SensorCard = {
  id: "s1", name: "Drive end", agent_id: "a", status: "normal", score: 0.4, threshold: 0.5, level_dbfs: -30,
  quantity: "acceleration", unit: "g", level: 0.5, level_a_db: null, velocity_mm_s: 2,
  dominant_hz: 1000, last_heard_us: 100 * MINUTE_US, model_digest: null, learning: null, heuristic_flag: null,
  open_event: false, health: { state: "ok", key: null, cause: null, since_us: null }, reasons: null, sparkline: { kind: "score", time_us: [99 * MINUTE_US, 100 * MINUTE_US], value: [0.3, 0.4] },
};

const live = (change: Partial<LiveMeasurements> = {}): LiveMeasurements => ({
  sensor_id: "s1", machine_id: "m1", time_us: [101 * MINUTE_US], score: [0.7], status: ["anomalous"],
  level_dbfs: [-25], level: [0.9], velocity_mm_s: [3.5], dominant_hz: [2000], threshold: 0.5, reasons: null, ...change,
});
const louder = { key: "level", feature: "rms_dbfs", value: -20, normal: -30, unit: "dBFS", deviation: 9 };

describe("a sensor's card", () => {
  it("shows the newest window and extends its line", () => {
    const after = patchSensor(sensor, live());
    expect(after).toMatchObject({ status: "anomalous", score: 0.7, level_dbfs: -25, level: 0.9, level_a_db: null, velocity_mm_s: 3.5, last_heard_us: 101 * MINUTE_US });
    expect(after.sparkline.value).toEqual([0.3, 0.4, 0.7]);
  });

  it("keeps the peak of a minute that goes on", () => {
    const after = patchSensor(sensor, live({ time_us: [100 * MINUTE_US + 5e6], score: [0.2] }));
    expect(after.sparkline.value).toEqual([0.3, 0.4]);
  });

  it("says maintenance until the collector says that it has ended", () => {
    expect(patchSensor({ ...sensor, status: "maintenance", open_event: true }, live()).status).toBe("maintenance");
  });

  it("leaves a machine at rest out of its line of scores", () => {
    const after = patchSensor(sensor, live({ status: ["stopped"], score: [0.9] }));
    expect(after).toMatchObject({ status: "stopped", score: 0.9 });
    expect(after.sparkline.value).toEqual([0.3, 0.4, null]);
  });

  it("ignores a backlog older than what it shows", () => {
    expect(patchSensor(sensor, live({ time_us: [50 * MINUTE_US] }))).toBe(sensor);
  });

  it("stays in alarm while its event is open", () => {
    expect(patchSensor({ ...sensor, open_event: true }, live({ status: ["normal"] })).status).toBe("alarm");
  });

  it("tells the reasons of the newest window, but those of an open event while there is one", () => {
    const said = patchSensor(sensor, live({ reasons: [louder] }));
    expect(said.reasons).toEqual([louder]);
    expect(patchSensor(said, live({ status: ["normal"], time_us: [102 * MINUTE_US] })).reasons).toBeNull();
    expect(patchSensor({ ...sensor, open_event: true, reasons: [] }, live({ reasons: [louder] })).reasons).toEqual([]);
  });

  it("counts learning windows up to what is needed", () => {
    const learner = { ...sensor, learning: { windows: 9, needed: 10 } };
    const batch = live({ status: ["learning", "learning"], time_us: [101 * MINUTE_US, 102 * MINUTE_US], score: [null, null] });
    expect(patchSensor(learner, batch).learning).toEqual({ windows: 10, needed: 10 });
  });

  it("keeps a young line fine, and halves it when it grows too long", () => {
    const second = 1e6;
    const start = { ...sensor, last_heard_us: 0, sparkline: { kind: "score" as const, time_us: [0], value: [0.1] } };
    const windows = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, place) => (from + place) * 5 * second).reduce(
        (card, at) => patchSensor(card, live({ time_us: [at], score: [at === 100 * second ? 0.9 : 0.2] })), start);
    expect(windows(1, 50).sparkline.time_us).toHaveLength(50);
    const longer = windows(1, 400).sparkline;
    expect(longer.time_us.length).toBeGreaterThan(25);
    expect(longer.time_us.length).toBeLessThanOrEqual(61);
    expect(longer.value).toContain(0.9);
    expect(longer.time_us[0]).toBe(0);
  });

  it("keeps at most an hour", () => {
    const after = patchSensor(sensor, live({ time_us: [200 * MINUTE_US] }));
    expect(after.sparkline.time_us).toEqual([200 * MINUTE_US]);
  });
});

describe("the fleet", () => {
  it("takes the state of its worst sensor, and leaves other machines untouched", () => {
    const cache = new QueryClient();
    const machine = (id: string, sensors: SensorCard[]) => ({
      id, name: id, site: { id: "x", name: "X" }, tags: [], status: "normal" as const, score: 0.4, threshold: 0.5,
      last_heard_us: 1, open_events: 0, sensors,
    });
    const other = machine("m2", [{ ...sensor, id: "s9" }]);
    const counts = { alarm: 0, anomalous: 0, invalid: 0, offline: 0, waiting: 0, maintenance: 0, learning: 0, stopped: 0, normal: 2 };
    cache.setQueryData<Fleet>(keys.fleet, { server_time_us: 0, machines: [machine("m1", [sensor, { ...sensor, id: "s2" }]), other], next: null, counts });
    applyMeasurements(cache, [live()]);
    const fleet = cache.getQueryData<Fleet>(keys.fleet);
    expect(fleet?.machines[0]).toMatchObject({ status: "anomalous", score: 0.7 });
    expect(fleet?.machines[1]).toBe(other);
  });
});

describe("a series", () => {
  const series: Series = {
    sensor_id: "s1", from_us: 90 * MINUTE_US, to_us: 100 * MINUTE_US, resolution: "raw", resolution_us: 0, count: 2,
    time_us: [90 * MINUTE_US, 100 * MINUTE_US], score: [0.1, 0.2], status: ["normal", "normal"], level_dbfs: [-1, -2],
    quantity: "acceleration", unit: "g", level: [0.8, 0.7], level_a_db: null, velocity_mm_s: [2, null],
    dominant_hz: [1, 2], threshold: [0.5, 0.5], features: { crest_db: [3, 4] }, reasons: [],
    windows: null, anomalous: null, score_min: null, score_mean: null, score_max: null, level_min: null, level_max: null,
  };

  it("grows at its live edge and loses what left its span", () => {
    const after = extendSeries(series, live());
    expect(after.time_us).toEqual([100 * MINUTE_US, 101 * MINUTE_US]);
    expect(after.score).toEqual([0.2, 0.7]);
    expect(after.features.crest_db).toEqual([4, null]);
    expect(after.to_us - after.from_us).toBe(10 * MINUTE_US);
  });

  it("keeps what points of several windows ranged over in step", () => {
    const joined = { ...series, resolution_us: 60e6, windows: [12, 12], anomalous: [0, 1], level_max: [0.9, 0.8] };
    const after = extendSeries(joined, live());
    expect([after.windows, after.anomalous, after.level_max]).toEqual([[12, 1], [1, 1], [0.8, 0.9]]);
    expect(after.score_min).toBeNull();
  });

  it("takes no window twice", () => {
    expect(extendSeries(series, live({ time_us: [100 * MINUTE_US] }))).toBe(series);
  });
});
