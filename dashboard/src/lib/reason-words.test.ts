// Reasons read as a maintenance engineer would say them, in both languages, and unknown ones are still shown.
import { describe, expect, it } from "vitest";
import type { Reason } from "@/api/types";
import { en } from "@/i18n/en";
import { es } from "@/i18n/es";
import { deviationWords, reasonWords } from "./reason-words";

const base: Reason = { key: "level", feature: null, low_hz: null, high_hz: null, value: 0, normal: 0, unit: "", deviation: 5 };
const said = (change: Partial<Reason>, t = en, locale = "en-GB") => {
  const { what, change: figures } = reasonWords({ ...base, ...change }, t, locale);
  return `${what} ${figures}`.replaceAll("\u202f", " ");
};
const inSpanish = (change: Partial<Reason>) => said(change, es, "es-ES");

describe("a reason in words", () => {
  it("tells a range by how much it rose or fell", () => {
    const band = { key: "band", low_hz: 3951.5, high_hz: 5040, value: -51, normal: -62.1, unit: "dBFS" };
    expect(said(band)).toBe("4–5 kHz band +11 dB");
    expect(inSpanish(band)).toBe("Banda 4–5 kHz +11 dB");
    expect(said({ ...band, low_hz: 26, high_hz: 131, value: -65.5 })).toBe("26–131 Hz band -3.4 dB");
    expect(said({ ...band, low_hz: 1272, high_hz: 1340 })).toBe("1.27–1.34 kHz band +11 dB");
    expect(said({ ...band, key: "band_relative", unit: "dB", low_hz: 970 })).toBe("0.97–5 kHz band against the rest +11 dB");
  });

  it("tells a figure by what it was and is", () => {
    const impulses = { key: "impulsiveness", feature: "kurtosis_log", value: 14.2, normal: 3.23 };
    expect(said(impulses)).toBe("Impulsiveness (kurtosis) 3.2 → 14");
    expect(inSpanish(impulses)).toBe("Impulsividad (curtosis) 3,2 → 14");
    expect(said({ key: "level", feature: "rms_dbfs", value: -24, normal: -30, unit: "dBFS" })).toBe("Level +6.0 dB");
    expect(inSpanish({ key: "level", feature: "rms_dbfs", value: -24, normal: -30, unit: "dBFS" })).toBe("Nivel +6,0 dB");
  });

  it("gives each frequency its unit, once where both have the same", () => {
    const tone = { key: "dominant_tone", feature: "dominant_khz", unit: "Hz", normal: 148, value: 2400 };
    expect(said(tone)).toBe("Strongest tone 148 Hz → 2.4 kHz");
    expect(said({ ...tone, normal: 1500 })).toBe("Strongest tone 1.5 → 2.4 kHz");
  });

  it("shows what a later release tells as it stands", () => {
    expect(said({ key: "shaft_orders", feature: "order_2_db", unit: "dB", value: 3, normal: 1 })).toBe("order 2 db 1.0 → 3.0 dB");
    expect(said({ key: "wobble", low_hz: 10, high_hz: 20, unit: "dB", value: 3, normal: 1 })).toBe("wobble, 10–20 Hz 1.0 → 3.0 dB");
  });

  it("says how unusual it is without a sign", () => {
    expect(deviationWords({ ...base, deviation: -22.4 }, en, "en-GB")).toContain("22 times");
  });
});
