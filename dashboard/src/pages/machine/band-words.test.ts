// What a difference of band levels comes to.
import { describe, expect, it } from "vitest";
import { differenceRange, mostChanged } from "./band-words";

const matrix = (...values: number[]) => ({ fromS: 0, toS: 20, columns: values.length / 2, rows: 2, values: Float32Array.from(values), centreHz: [100, 125] });

describe("difference of band levels", () => {
  it("has colours of the same reach on both sides", () => {
    expect(differenceRange(matrix(-9, 3, -9, 4))).toEqual([-9, 9]);
    expect(differenceRange(matrix(1, -1))).toEqual([-6, 6]);
    expect(differenceRange(matrix(Number.NaN, Number.NaN))).toBeNull();
  });

  it("names the band that changed most on average", () => {
    expect(mostChanged(matrix(8, -3, -8, -5))).toEqual({ hz: 125, db: -4 });
    expect(mostChanged(matrix(Number.NaN, 2, 1, Number.NaN))).toEqual({ hz: 125, db: 2 });
  });
});
