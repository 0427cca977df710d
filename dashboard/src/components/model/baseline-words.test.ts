// A baseline reads as sentences in both languages; an older model tells nothing.
import { describe, expect, it } from "vitest";
import { en } from "@/i18n/en";
import { es } from "@/i18n/es";
import { formatFor } from "@/lib/format";
import { baselineWords } from "./baseline-words";

const span = { from_us: 0, to_us: 1, windows: 100 };
const mode = (share: number, level: number, stretches = 3) => ({
  share,
  stretches,
  level_dbfs: level,
  dominant_hz: 120,
  centroid_hz: 1500 + 1000 * share,
});
const plain = (lines: string[]) => lines.map((line) => line.replaceAll("\u202f", " "));
const inEnglish = (baseline: object) => plain(baselineWords({ ...span, left_out: 0, odd: 0, modes: [], ...baseline }, en, formatFor("en-GB")));

describe("a baseline in words", () => {
  it("tells modes from the quietest to the loudest, and what was left out", () => {
    const baseline = { modes: [mode(0.29, -41.2), mode(0.71, -28)], left_out: 5, odd: 5 };
    expect(inEnglish(baseline)).toEqual([
      "Two modes heard: 29 % at −41 dBFS, 71 % at −28 dBFS".replaceAll("−", "-"),
      "5 windows left out (sudden noises)",
    ]);
    expect(plain(baselineWords({ ...span, ...baseline }, es, formatFor("es-ES")))).toEqual([
      "Se oyen dos modos: 29 % a -41 dBFS, 71 % a -28 dBFS",
      "5 ventanas excluidas (ruidos repentinos)",
    ]);
  });

  it("tells modes of one level by their brightness, and warns of one that was heard once", () => {
    expect(inEnglish({ modes: [mode(0.4, -30), mode(0.6, -29, 1)] })).toEqual([
      "Two modes heard: 40 % around 1.90 kHz, 60 % around 2.10 kHz",
      "One of them was heard in a single stretch only: train again once it has come back a few times.",
    ]);
  });

  it("tells a single mode, and windows that look odd but are too many to be left out", () => {
    expect(inEnglish({ modes: [mode(1, -30, 1)], odd: 20 })).toEqual([
      "One mode heard",
      "20 windows look odd, too many to be noises: none is left out.",
    ]);
  });

  it("tells nothing of a model that was trained before modes were looked for", () => {
    expect(inEnglish({})).toEqual([]);
  });
});
