// What scores of a recording come to.
import { describe, expect, it } from "vitest";
import { anomalousSpans, byLikeness, margin, verdictOf } from "./analysis-verdict";

const scored = (score: number[], threshold = 0.5) => ({ score, anomalous: score.map((each) => each >= threshold), model: { threshold } });

describe("a recording's scores", () => {
  it("come to a verdict", () => {
    expect([verdictOf(3, null), verdictOf(3, 0), verdictOf(3, 1), verdictOf(3, 3)]).toEqual(["unscored", "usual", "partly", "strange"]);
  });

  it("have a margin of their middle window to the threshold", () => {
    expect(margin(scored([0.1, 0.9, 0.3]))).toBeCloseTo(0.2);
    expect(margin(scored([0.1, 0.9]))).toBeCloseTo(0);
    expect(margin({ score: null, model: null })).toBeNull();
  });

  it("put the likest machine first and those that cannot judge last", () => {
    const machines = { none: { score: null, model: null }, strange: scored([0.9, 0.9]), near: scored([0.4, 0.4]), like: scored([0.1, 0.1]), once: scored([0.1, 0.6]) };
    const order = Object.entries(machines).toSorted(([, a], [, b]) => byLikeness(a, b));
    expect(order.map(([name]) => name)).toEqual(["like", "near", "once", "strange", "none"]);
  });

  it("are shaded where windows are anomalous, neighbours as one", () => {
    const spans = anomalousSpans([0, 5, 10, 15, 20], 5, [true, true, false, true, false]);
    expect(spans).toEqual([
      { fromS: 0, toS: 10, open: false },
      { fromS: 15, toS: 20, open: false },
    ]);
  });
});
