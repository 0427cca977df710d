// What charts show together: limits, the way back, and who is told.
import { describe, expect, it } from "vitest";
import { TimeView } from "./time-view";

const NOW = 10_000;
const make = () => new TimeView({ fromS: 9_000, toS: NOW, live: true }, () => NOW);
const span = (view: TimeView) => [view.shown.fromS, view.shown.toS];

describe("time view", () => {
  it("keeps the moment of a zoom where it is", () => {
    const view = make();
    view.zoom(0.5, 9_250);
    expect(span(view)).toEqual([9_125, 9_625]);
    expect(view.shown.live).toBe(false);
  });

  it("never shows the future, however far one pans", () => {
    const view = make();
    view.pan(-0.5);
    expect(span(view)).toEqual([8_500, 9_500]);
    view.pan(3);
    expect(span(view)).toEqual([9_000, NOW]);
  });

  it("shows no less than ten seconds and no more than two years", () => {
    const view = make();
    view.show(9_500, 9_501);
    expect(view.shown.toS - view.shown.fromS).toBe(10);
    view.zoom(1e9);
    expect(view.shown.toS - view.shown.fromS).toBe(2 * 366 * 86_400);
  });

  it("goes back step by step to where it began", () => {
    const view = make();
    view.show(9_100, 9_300);
    view.zoom(0.5);
    expect(span(view)).toEqual([9_150, 9_250]);
    view.back();
    expect(span(view)).toEqual([9_100, 9_300]);
    expect(view.back()?.live).toBe(true);
    expect(view.back()).toBeNull();
  });

  it("tells of changes only", () => {
    const view = make();
    let told = 0;
    const stop = view.subscribe(() => told++);
    view.set({ fromS: 9_000, toS: NOW, live: true });
    expect(told).toBe(0);
    view.zoom(0.5);
    expect(told).toBe(1);
    stop();
    view.zoom(0.5);
    expect(told).toBe(1);
  });
});
