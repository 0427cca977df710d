import { expect, test } from "vitest";
import { parseAuditSearch } from "./audit-search";

test("what is wrong in an address is left out, and the rest is asked for", () => {
  expect(parseAuditSearch({ actor: "anna", subject_id: 7, from_us: 5, to_us: -1, action: "", more: "x" })).toEqual({
    actor: "anna",
    subject_id: "7",
    from_us: 5,
  });
  expect(parseAuditSearch({ actor: "x".repeat(101), from_us: 0.5, to_us: 1e300, subject: ["sensor"] })).toEqual({});
});
