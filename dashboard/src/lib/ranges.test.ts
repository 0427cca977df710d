// Addresses of the machine page are read leniently: what is wrong in them is left out.
import { describe, expect, it } from "vitest";
import { chosenFeatures, firstRange, parseMachineSearch } from "./ranges";

describe("machine page address", () => {
  it("begins with ten minutes of a young sensor, else with an hour", () => {
    expect(firstRange({ time_us: [0, 300e6] })).toBe("10m");
    expect(firstRange({ time_us: [0, 3_000e6] })).toBe("1h");
    expect(firstRange({ time_us: [] })).toBe("1h");
  });

  it("keeps what is valid", () => {
    const search = { sensor: "s", range: "6h", from: 1, to: 2, features: "crest_db", vs: "t", shift: -86_400e6 };
    expect(parseMachineSearch(search)).toEqual(search);
  });

  it("leaves out what is not", () => {
    expect(parseMachineSearch({ range: "3h", from: 5, to: 2, features: "", sensor: 7, vs: "", shift: 0 })).toEqual({});
  });

  it("shows each chosen feature once and at most four", () => {
    expect(chosenFeatures({ features: "a,a,b,,c,d,e" })).toEqual(["a", "b", "c", "d"]);
  });
});
