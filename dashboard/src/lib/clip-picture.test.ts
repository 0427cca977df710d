// Spectrograms of clips share one scale, and their difference is of the levels, whatever scale their bytes are on.
import { describe, expect, it } from "vitest";
import { difference, frequencyTicks, inBytes, type Picture, quantileDb, sharedRange, timeTicks, unpackPicture } from "./clip-picture";

function picture(levels: number[][], lowDb: number, highDb: number): Picture {
  const rows = levels[0]?.length ?? 0;
  const matrix = Uint8Array.from(levels.flat(), (level) => Math.round(((level - lowDb) / (highDb - lowDb)) * 255));
  return { matrix, columns: levels.length, rows, lowDb, highDb, centreHz: [100, 200, 400].slice(0, rows), durationS: 3, levelAdBfs: -30 };
}

describe("clip pictures", () => {
  it("are read from the collector's bytes", () => {
    const packed = { clip_id: "c", start_us: 0, duration_s: 1.5, sample_rate_hz: 8000, shape: [2, 2] as [number, number], centre_hz: [1, 2], low_db: -100, high_db: 0, level_dbfs: -20, level_a_dbfs: -22, data: btoa("\0\x01\xfe\xff") };
    const found = unpackPicture(packed);
    expect([...found.matrix]).toEqual([0, 1, 254, 255]);
    expect([found.columns, found.rows, found.durationS, found.levelAdBfs]).toEqual([2, 2, 1.5, -22]);
  });

  it("differ by their levels, each frequency from the median of the normal sound", () => {
    const event = picture([[-40, -60], [-20, -60]], -100, 0);
    const normal = picture([[-50, -60], [-50, -80], [-10, -60]], -110, -5);
    const found = difference(event, normal);
    expect([...found].map((value) => Math.round(value))).toEqual([10, 0, 30, 0]);
  });

  it("have no difference where the normal sound does not reach", () => {
    const found = difference(picture([[-40, -60]], -100, 0), picture([[-40]], -100, 0));
    expect([...found].map(Number.isNaN)).toEqual([false, true]);
  });

  it("share one scale", () => {
    const loud = picture([[-40, -50, -90]], -100, 0);
    const quiet = picture([[-70, -60, -95]], -120, -20);
    const [low, high] = sharedRange([loud, quiet]);
    expect(high).toBe(0);
    expect(low).toBeLessThanOrEqual(-95);
    expect(inBytes(loud, [-100, 0])).toEqual([0, 255]);
    expect(inBytes(quiet, [-120, -20])).toEqual([0, 255]);
    expect(quantileDb(loud, 0.5)).toBeCloseTo(-50, 0);
  });

  it("have round figures on their axes, in order and within", () => {
    const octaves = Array.from({ length: 9 }, (_, octave) => 25 * 2 ** octave);
    expect(frequencyTicks(octaves).map(({ hz }) => hz)).toEqual([50, 100, 200, 500, 1000, 2000, 5000]);
    expect(frequencyTicks([100, 200, 400]).map(({ hz, share }) => [hz, Math.round(100 * share)])).toEqual([[100, 17], [200, 50], [500, 94]]);
    expect(timeTicks(3, 6).map(({ s }) => s)).toEqual([0, 0.5, 1, 1.5, 2, 2.5, 3]);
    expect(timeTicks(20, 6).map(({ s }) => s)).toEqual([0, 5, 10, 15, 20]);
  });
});
