// Addresses of the review page are read leniently: what is wrong in them is left out.
import { describe, expect, it } from "vitest";
import { parseReviewSearch } from "./review-search";

describe("review page address", () => {
  it("keeps what is valid and leaves out what is not", () => {
    const event = "0197a1de-3c58-7abc-8def-0123456789ab";
    expect(parseReviewSearch({ show: "all", order: "worst", event })).toEqual({ show: "all", order: "worst", event });
    expect(parseReviewSearch({ show: "none", order: 3, event: "x", machine: 7, other: "y" })).toEqual({});
  });
});
