// The maps are perceptual: lightness steps evenly, on both sides of the middle alike, and every colour is a screen's.
import { describe, expect, it } from "vitest";
import { COLOURS, cssColour, cssGradient, diverging, SEQUENTIAL, type ColourMap } from "./colour-map";

/** Lightness of CIE 1976 L*, 0 to 100, another one than the maps are made by. */
function lightness(map: ColourMap, index: number): number {
  const [red, green, blue] = [0, 1, 2].map((part) => {
    const value = (map[4 * index + part] ?? 0) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  const luminance = 0.2126 * (red ?? 0) + 0.7152 * (green ?? 0) + 0.0722 * (blue ?? 0);
  return luminance > 0.008856 ? 116 * Math.cbrt(luminance) - 16 : 903.3 * luminance;
}

const steps = (map: ColourMap) => Array.from({ length: COLOURS - 1 }, (_, index) => lightness(map, index + 1) - lightness(map, index));

describe("the sequential map", () => {
  it("rises in lightness at every sixteenth, evenly, from dark to light", () => {
    const sixteenths = Array.from({ length: 16 }, (_, part) => lightness(SEQUENTIAL, 16 * part + 15) - lightness(SEQUENTIAL, 16 * part));
    expect(Math.min(...sixteenths)).toBeGreaterThan(2.5);
    expect(Math.max(...sixteenths)).toBeLessThan(9);
    expect(Math.min(...steps(SEQUENTIAL))).toBeGreaterThanOrEqual(-0.5);
    expect(lightness(SEQUENTIAL, 0)).toBeLessThan(8);
    expect(lightness(SEQUENTIAL, COLOURS - 1)).toBeGreaterThan(92);
  });
});

describe("the diverging map", () => {
  it.each(["light", "dark"] as const)("has the page's lightness in its middle and is balanced around it: %s", (theme) => {
    const map = diverging(theme);
    const middle = lightness(map, 128);
    const [less, more] = [lightness(map, 0), lightness(map, COLOURS - 1)];
    expect(Math.abs(less - more)).toBeLessThan(10);
    expect(theme === "light" ? middle - Math.max(less, more) : Math.min(less, more) - middle).toBeGreaterThan(40);
    expect(map[0]).toBeLessThan(map[2] ?? 0);
    expect(map[4 * 255] ?? 0).toBeGreaterThan(map[4 * 255 + 2] ?? 0);
  });
});

it("is told to style sheets", () => {
  expect(cssColour(SEQUENTIAL, 0)).toMatch(/^rgb\(\d+ \d+ \d+\)$/);
  expect(cssGradient(SEQUENTIAL, "to top", 3).split("rgb")).toHaveLength(4);
});
