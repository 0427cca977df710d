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

  const budget = {
    value: 0.6,
    method: "false_alarm_budget",
    parameters: { false_alarms_per_week: 1, expected_per_week: 0.99, expected_per_week_low: 0.04, expected_per_week_high: 5.23, baseline_s: 86_400 },
  };

  it("says the budget and how sure it is", () => {
    expect(thresholdWords(budget, en, "en-GB")).toBe("At most 1 false alarm a week. After 24 hours of baseline, between 0.04 and 5.2 a week (95 %).");
    expect(thresholdWords(budget, es, "es-ES")).toBe("Como mucho 1 falsa alarma por semana. Tras 24 horas de línea base, entre 0,04 y 5,2 por semana (95 %).");
  });

  it("owns that a short baseline cannot keep the budget", () => {
    const short = { ...budget, parameters: { ...budget.parameters, expected_per_week: 14, expected_per_week_high: 90, baseline_s: 1_800 } };
    expect(thresholdWords(short, en, "en-GB")).toBe(
      "At most 1 false alarm a week. 30 minutes of baseline are too few for that: expect 14, between 0.04 and 90 a week (95 %); train again on more windows.",
    );
  });

  it("counts whole percentiles as English does", () => {
    const at = (percentile: number) => thresholdWords({ ...chosen, parameters: { percentile, margin: 0 } }, en, "en-GB");
    expect([91, 92, 93, 99].map((each) => at(each).split(" ")[0])).toEqual(["91st", "92nd", "93rd", "99th"]);
  });

  it("shows an unknown method as it is told", () => {
    expect(thresholdWords({ value: 1, method: "gpd_tail", parameters: { shape: 0.1 } }, en, "en-GB")).toBe("gpd tail, shape 0.1");
  });
});
