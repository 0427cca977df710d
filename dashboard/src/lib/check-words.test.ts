// Self-checks in both languages, and those that this release does not know.
import { describe, expect, it } from "vitest";
import type { Check } from "@/api/types";
import { en } from "@/i18n/en";
import { es } from "@/i18n/es";
import { checkFigures, checkName, checkRemedy } from "./check-words";

const CLIPPED: Check = {
  key: "sensor_clipped",
  sensor_id: null,
  state: "failed",
  cause: "full_scale",
  evidence: [
    { key: "full_scale", value: 3.25, unit: "%" },
    { key: "overflows", value: 1200, unit: "" },
  ],
  remedy: "The agent's own words.",
  since_us: 0,
  told_us: 0,
};
const NEW: Check = { ...CLIPPED, key: "new_check", cause: "odd", evidence: [{ key: "odd_figure", value: 2, unit: "" }] };

describe("self-checks in words", () => {
  it("says what was found and what to do in the language in use", () => {
    expect(checkName(CLIPPED, en)).toBe("Overdriven");
    expect(checkName(CLIPPED, es)).toBe("Saturado");
    expect(checkRemedy(CLIPPED, es)).toContain("baje la ganancia");
    expect(checkFigures(CLIPPED, en, "en-GB")).toBe("at full scale 3.25\u202f%, overflows 1,200");
  });

  it("shows what it does not know as the agent says it", () => {
    expect(checkName(NEW, es)).toBe("New check");
    expect(checkRemedy(NEW, es)).toBe("The agent's own words.");
    expect(checkFigures(NEW, en, "en-GB")).toBe("odd figure 2");
  });

  it("has the same words in both languages", () => {
    for (const part of ["names", "causes", "remedies", "figures"] as const) {
      expect(Object.keys(es.checks[part])).toEqual(Object.keys(en.checks[part]));
    }
  });
});
