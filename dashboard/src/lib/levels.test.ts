// Digits by unit: a thousandth of a g is worth showing, a hundredth of a decibel is not.
import { describe, expect, it } from "vitest";
import { formatFor } from "./format";
import { en } from "@/i18n/en";
import { LEVEL_A_UNIT, levelDigits, levelTitle, VELOCITY_UNIT } from "./levels";

describe("levels", () => {
  it("are written with the digits that their unit is worth", () => {
    const format = formatFor("en-GB");
    const written = (value: number, unit: Parameters<typeof levelDigits>[0]) => format.withUnit(value, levelDigits(unit), unit);
    expect(written(-31.46, "dBFS")).toBe("-31.5\u202fdBFS");
    expect(written(94.04, "dB SPL")).toBe("94.0\u202fdB SPL");
    expect(written(0.00312, "g")).toBe("0.0031\u202fg");
    expect(written(11.037, VELOCITY_UNIT)).toBe("11.04\u202fmm/s");
    expect(written(74.93, LEVEL_A_UNIT)).toBe("74.9\u202fdB(A)");
  });

  it("are named by what is measured only where the sensor is calibrated", () => {
    expect(levelTitle({ quantity: "sound_pressure", unit: "dB SPL" }, en)).toBe("Sound pressure level");
    expect(levelTitle({ quantity: "acceleration", unit: "g" }, en)).toBe("Acceleration, RMS");
    expect(levelTitle({ quantity: "sound_pressure", unit: "dBFS" }, en)).toBe("Level");
  });
});
