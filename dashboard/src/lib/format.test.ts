// Numbers and times read right in both languages.
import { describe, expect, it } from "vitest";
import { coarse, formatFor, split } from "./format";

const plain = (text: string) => text.replaceAll(/[\u00a0\u202f]/g, " ");

describe("format", () => {
  it("writes figures with their unit in the locale's digits", () => {
    expect(plain(formatFor("en-GB").withUnit(-31.44, 1, "dBFS"))).toBe("-31.4 dBFS");
    expect(plain(formatFor("es-ES").withUnit(-31.44, 1, "dBFS"))).toBe("-31,4 dBFS");
  });

  it("writes no more decimals than a value has", () => {
    expect(formatFor("en-GB").exact(10_000)).toBe("10,000");
    expect(formatFor("es-ES").exact(0.01)).toBe("0,01");
  });

  it("sets a share apart from its sign, as other figures from their units", () => {
    expect(plain(formatFor("en-GB").percent(0.126))).toBe("13 %");
  });

  it("shows a dash for what is not known", () => {
    expect(formatFor("en-GB").score(null)).toBe("–");
    expect(formatFor("en-GB").withUnit(Number.NaN, 1, "dB")).toBe("–");
  });

  it("writes kilohertz from 1,000 Hz on", () => {
    expect(plain(formatFor("en-GB").hertz(999.4))).toBe("999 Hz");
    expect(plain(formatFor("en-GB").hertz(1487.3))).toBe("1.49 kHz");
  });

  it("takes the largest unit of at least one for an age, and never the future", () => {
    expect(coarse(59e6)).toEqual([59, "second"]);
    expect(coarse(3_600e6)).toEqual([1, "hour"]);
    expect(formatFor("en-GB").ago(2e6, 1e6)).toContain("0");
    expect(plain(formatFor("es-ES").ago(0, 4e6))).toBe("hace 4 s");
  });

  it("splits a span into its two largest units", () => {
    expect(split(421e6)).toEqual([[7, "minute"], [1, "second"]]);
    expect(split(7_200e6)).toEqual([[2, "hour"]]);
  });
});
