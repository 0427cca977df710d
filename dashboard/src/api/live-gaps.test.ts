// What the stream says while an answer is on its way is not lost, nor what it said before it stood.
import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LiveGaps } from "./live-gaps";
import { applyMeasurements } from "./live-patches";
import { keys } from "./queries";
import type { Fleet, LiveMeasurements, SensorCard } from "./types";

const sensor = {
  id: "s1", name: "Drive end", agent_id: "a", status: "normal", score: 0.1, threshold: 0.5, level_dbfs: -30,
  quantity: "acceleration", unit: "g", level: 0.5, level_a_db: null, velocity_mm_s: null, dominant_hz: 1000,
  last_heard_us: 1_000_000, model_digest: null, learning: null, heuristic_flag: null, open_event: false,
  health: { state: "ok", key: null, cause: null, since_us: null }, reasons: null,
  sparkline: { kind: "score", time_us: [1_000_000], value: [0.1] },
} satisfies SensorCard;
const counts = { alarm: 0, anomalous: 0, invalid: 0, offline: 0, waiting: 0, maintenance: 0, learning: 0, stopped: 0, normal: 1 };
const answer = {
  server_time_us: 0, next: null, counts,
  machines: [{
    id: "m1", name: "Pump", site: { id: "x", name: "X" }, tags: [], status: "normal", score: 0.1, threshold: 0.5,
    last_heard_us: 1_000_000, open_events: 0, sensors: [sensor],
  }],
} satisfies Fleet;
const heardAt = (at_us: number): LiveMeasurements => ({
  sensor_id: "s1", machine_id: "m1", time_us: [at_us], score: [0.9], status: ["anomalous"], level_dbfs: [-20],
  level: [1], velocity_mm_s: [null], dominant_hz: [900], threshold: 0.5, reasons: null,
});

let cache: QueryClient;
let gaps: LiveGaps;
let asked: ((fleet: Fleet) => void)[];
let leave: () => void;

/** A page that shows the fleet; each of its questions is answered by the test. */
function show(): void {
  const observer = new QueryObserver<Fleet>(cache, { queryKey: keys.fleet, queryFn: () => new Promise((resolve) => asked.push(resolve)) });
  leave = observer.subscribe(() => undefined);
}

function hear(message: LiveMeasurements): void {
  applyMeasurements(cache, [message]);
  gaps.heard([message]);
}

const last = () => cache.getQueryData<Fleet>(keys.fleet)?.machines[0]?.last_heard_us;

beforeEach(() => {
  vi.useFakeTimers();
  cache = new QueryClient();
  gaps = new LiveGaps(cache);
  gaps.start();
  asked = [];
  show();
});
afterEach(() => {
  gaps.stop();
  leave();
  cache.clear();
  vi.useRealTimers();
});

describe("an answer that was on its way while the stream went on", () => {
  it("is brought up to date", async () => {
    hear(heardAt(2_000_000));
    asked[0]?.(answer);
    await vi.advanceTimersByTimeAsync(0);
    expect(last()).toBe(2_000_000);
  });

  it("is left alone by what it knows, and by what is older than the question", async () => {
    asked[0]?.(answer);
    await vi.advanceTimersByTimeAsync(0);
    hear(heardAt(2_000_000));
    await vi.advanceTimersByTimeAsync(100);
    void cache.invalidateQueries();
    asked[1]?.(answer);
    await vi.advanceTimersByTimeAsync(0);
    expect(last()).toBe(1_000_000);
  });
});

describe("a stream that has just begun to stand", () => {
  it("has what was asked for before it read again, once the page is there", async () => {
    asked[0]?.(answer);
    await vi.advanceTimersByTimeAsync(0);
    gaps.stands();
    await vi.advanceTimersByTimeAsync(900);
    expect(asked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(200);
    expect(asked).toHaveLength(2);
  });

  it("asks for nothing once the page is left", async () => {
    gaps.stands();
    gaps.stop();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(asked).toHaveLength(1);
  });
});
