// Bars and changes of drift read as the collector means them.
import { describe, expect, it } from "vitest";
import { en } from "@/i18n/en";
import { formatFor } from "@/lib/format";
import { barShare, changeText, limits } from "./drift-words";

const most = { feature: "rms_dbfs", label: "RMS level", unit: "dBFS", change: 2.46, shift: 3 };
const text = (changes: object) => changeText({ ...most, ...changes }, en, formatFor("en-GB")).replaceAll("\u202f", " ");

describe("drift in figures", () => {
  it("keeps the customary limits, or raises both where chance is larger", () => {
    expect(limits({ chance: 0.02 })).toEqual({ slight: 0.1, marked: 0.25 });
    expect(limits({ chance: 0.4 })).toEqual({ slight: 0.4, marked: 1 });
  });

  it("fills a bar at twice what is marked and never more", () => {
    expect(barShare(0.25, { chance: 0 })).toBe(0.5);
    expect(barShare(9, { chance: 0 })).toBe(1);
    expect(barShare(0, { chance: 0 })).toBe(0);
  });

  it("tells changes with sign and unit, differences of levels in decibels", () => {
    expect(text({})).toBe("+2.5 dB");
    expect(text({ change: -1 })).toBe("-1.0 dB");
    expect(text({ unit: "kHz", change: 0.12 })).toBe("+120 Hz");
    expect(text({ unit: "", change: 0.5 })).toBe("+0.50");
  });
});
