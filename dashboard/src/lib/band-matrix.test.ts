// Matrices of band levels: even columns, gaps that stay clear, differences of two periods.
import { describe, expect, it } from "vitest";
import { difference, levelRange, toMatrix, valueAt } from "./band-matrix";

const answer = (...times: number[]) => ({ time_us: times.map((each) => each * 1e6), resolution_us: 10e6, centre_hz: [100, 125, 160] });

describe("band matrix", () => {
  it("leaves a column clear where nothing was heard, and bands that a sensor cannot hear out", () => {
    const matrix = toMatrix(answer(0, 10, 40), Float32Array.of(-50, -60, -120, -51, -61, -120, -52, -62, -120));
    expect(matrix).toMatchObject({ fromS: 0, toS: 50, columns: 5, rows: 2, centreHz: [100, 125] });
    expect([...(matrix?.values ?? [])]).toEqual([-50, -60, -51, -61, Number.NaN, Number.NaN, Number.NaN, Number.NaN, -52, -62]);
  });

  it("is none where nothing was heard at all", () => {
    expect(toMatrix(answer(), new Float32Array())).toBeNull();
  });

  it("tells the difference to the same time a while earlier", () => {
    const now = toMatrix(answer(100, 110), Float32Array.of(-50, -60, -70, -51, -61, -71));
    const before = toMatrix(answer(10, 20), Float32Array.of(-53, -60, -70, -50, -60, -70));
    expect(now && before && [...difference(now, before, 90).values]).toEqual([3, 0, 0, -1, -1, -1]);
    expect(now && before && [...difference(now, before, 80).values]).toEqual([0, 0, 0, Number.NaN, Number.NaN, Number.NaN]);
  });

  it("says what lies at a place of the picture", () => {
    const matrix = toMatrix(answer(0, 10), Float32Array.of(-50, -60, -70, -51, -61, -71));
    expect(matrix && valueAt(matrix, 12, 0.9)).toEqual({ hz: 125, value: -61, fromS: 10 });
    expect(matrix && valueAt(matrix, 25, 1)).toBeNull();
    expect(matrix && valueAt(matrix, 5, 3.2)).toBeNull();
  });

  it("has colours for most of the levels and never for less than 12 dB", () => {
    const levels = Float32Array.from({ length: 3_000 }, (_, index) => -100 + index / 50);
    const matrix = toMatrix(answer(...Array.from({ length: 1_000 }, (_, index) => 10 * index)), levels);
    expect(matrix && levelRange(matrix)).toEqual([-99, -40]);
    const even = toMatrix(answer(0), Float32Array.of(-50, -50, -50));
    expect(even && levelRange(even)).toEqual([-50, -38]);
  });
});
