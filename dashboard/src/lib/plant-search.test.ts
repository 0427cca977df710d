import { expect, test } from "vitest";
import { parsePlantSearch } from "./plant-search";

test("only names of a site and a sensor are taken from the address", () => {
  expect(parsePlantSearch({ site: "a", calibrate: "b", other: "c" })).toEqual({ site: "a", calibrate: "b" });
  expect(parsePlantSearch({ site: 3, calibrate: ["b"] })).toEqual({});
});
