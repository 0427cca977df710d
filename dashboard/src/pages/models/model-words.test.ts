import { describe, expect, it } from "vitest";
import type { ModelSummary } from "@/api/types";
import { en } from "@/i18n/en";
import { formatFor } from "@/lib/format";
import { detectorReasons, excludedWords, originOf, sensorWords, wantedOf } from "./model-words";

const format = formatFor("en-GB");

function model(changes: Partial<ModelSummary>): ModelSummary {
  return {
    digest: "a", version: 1, sensor_id: "s", detector: "ensemble", created_us: 0,
    baseline: { from_us: 0, to_us: 1, windows: 40, left_out: 0, odd: 0, modes: [] },
    threshold: { value: 0.5, method: "m", parameters: {} },
    running_level_dbfs: null, learned_running_level_dbfs: null, settling_windows: 0, evaluation: {},
    state: "previous", on_probation: false, refused_reason: null, heard_from_db: null, pushed_from: null, runs: [],
    ...changes,
  };
}

describe("words about models", () => {
  it("name a machine once", () => {
    const place = { sensor_id: "s", machine_id: "m", site_id: "t", site_name: "North" };
    expect(sensorWords({ ...place, machine_name: "Fan", sensor_name: "Drive end" }, en)).toBe("Fan, Drive end");
    expect(sensorWords({ ...place, machine_name: "Fan", sensor_name: "Fan bearing" }, en)).toBe("Fan bearing");
  });

  it("take what is offered for wanted, else what runs", () => {
    const running = model({ version: 2, state: "running" });
    const offered = model({ digest: "c", version: 3, state: "offered" });
    expect(wantedOf([model({}), running, offered])).toBe(offered);
    expect(wantedOf([model({}), running])).toBe(running);
    expect(wantedOf([model({})])).toBeUndefined();
    expect([originOf(model({})), originOf(model({ pushed_from: "z" }))]).toEqual(["a", "z"]);
  });

  it("say which windows were left out, and why a detector was chosen", () => {
    expect(excludedWords(model({}), en, format)).toBe("none");
    const told = model({ baseline: { ...model({}).baseline, left_out: 3 }, evaluation: { windows_left_out_by_review: 12, windows_at_rest: 0 } });
    expect(excludedWords(told, en, format)).toBe("3 as sudden noises, 12 by review");
    expect(detectorReasons(model({}), en, format)).toEqual([en.models.detectorWhy.standard]);
    expect(detectorReasons(model({ evaluation: { auto_probe_windows: 0 } }), en, format)).toEqual([en.models.detectorWhy.unprobed]);
    const chosen = model({ evaluation: { auto_probe_windows: 24, auto_heard_ensemble: 0.71, auto_heard_mahalanobis: 0.5 } });
    expect(detectorReasons(chosen, en, format)).toEqual([
      "Chosen by probes: it hears 71\u202f% of them, in 24 windows.",
      "The others heard: Mahalanobis distance: 50\u202f%",
    ]);
  });
});
