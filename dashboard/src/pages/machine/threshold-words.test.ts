// The threshold's method reads as a sentence in both languages, and an unknown one is still shown.
import { describe, expect, it } from "vitest";
import { en } from "@/i18n/en";
import { es } from "@/i18n/es";
import { thresholdWords } from "./threshold-words";

const chosen = { value: 0.5, method: "held_out_debounced_percentile", parameters: { percentile: 99.5, margin: 0.02, seed: 0 } };

describe("threshold in words", () => {
  it("is a sentence in both languages", () => {
    expect(thresholdWords(chosen, en, "en-GB")).toBe("99.5th percentile of held-out windows, debounced, plus a margin of 0.02");
    expect(thresholdWords(chosen, es, "es-ES")).toBe("percentil 99,5 de ventanas reservadas, con antirrebote, más un margen de 0,02");
  });

  it("counts whole percentiles as English does", () => {
    const at = (percentile: number) => thresholdWords({ ...chosen, parameters: { percentile, margin: 0 } }, en, "en-GB");
    expect([91, 92, 93, 99].map((each) => at(each).split(" ")[0])).toEqual(["91st", "92nd", "93rd", "99th"]);
  });

  it("shows an unknown method as it is told", () => {
    expect(thresholdWords({ value: 1, method: "gpd_tail", parameters: { shape: 0.1 } }, en, "en-GB")).toBe("gpd tail, shape 0.1");
  });
});
