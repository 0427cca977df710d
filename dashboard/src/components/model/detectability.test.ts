import { describe, expect, test } from "vitest";
import type { KindHeard } from "@/api/types";
import { en } from "@/i18n/en";
import { es } from "@/i18n/es";
import { hissEdges, reach } from "./detectability";

const write = (level: number) => `${level.toString()} dB`;

function kind(heard: number | null, levels = [-30, -15, 6], name = "tone"): KindHeard {
  return { kind: name, heard_from_db: heard, levels: levels.map((level_db) => ({ level_db, probes: 60, share: 0.5 })) };
}

describe("what a report says", () => {
  test("the weaker the fault that is heard, the longer the bar", () => {
    expect(reach(kind(-9), en.detectability, write)).toEqual({ share: 15 / 36, heard: "from -9 dB on" });
    expect(reach(kind(-21), en.detectability, write).share).toBeCloseTo(27 / 36);
  });

  test("what is heard at the weakest level may be heard below it too", () => {
    expect(reach(kind(-30), en.detectability, write)).toEqual({ share: 1, heard: "from -30 dB or less on" });
  });

  test("what is heard at the strongest level only still has a bar, what is not heard has none", () => {
    expect(reach(kind(6), en.detectability, write).share).toBeGreaterThan(0);
    expect(reach(kind(null), en.detectability, write)).toEqual({ share: 0, heard: "not heard up to 6 dB" });
  });

  test("a machine that is louder is told as such, in both languages", () => {
    const louder = kind(4, [1, 6, 12], "level");
    expect(reach(louder, en.detectability, write).heard).toBe("from 4 dB louder on");
    expect(reach(louder, es.detectability, write).heard).toBe("desde 4 dB más");
  });

  test("hiss is told by the bands that were mixed in", () => {
    expect(hissEdges(48_000)).toEqual([1000, 4000]);
    expect(hissEdges(8_000)).toEqual([500, 2000]);
    expect(en.detectability.kinds["hiss_high"]?.("500 Hz", "2 kHz")).toBe("Hiss above 2 kHz, as of a leak");
  });
});
