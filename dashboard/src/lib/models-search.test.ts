import { describe, expect, it } from "vitest";
import { parseCompareSearch, parseModelsSearch } from "./models-search";

const digest = "0a".repeat(32);

describe("the addresses of the pages about models", () => {
  it("keep what they can show and drop the rest", () => {
    const site = "7af02306-0a51-434e-a01a-0d45afb9ad59";
    expect(parseModelsSearch({ q: 12, site, standing: "refused", other: 1 })).toEqual({ q: "12", site, standing: "refused" });
    expect(parseModelsSearch({ q: "", site: "north", standing: "good" })).toEqual({});
    expect(parseCompareSearch({ a: digest, b: "x" })).toEqual({ a: digest });
  });
});
