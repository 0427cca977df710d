import { isNotFound } from "@tanstack/react-router";
import { expect, test } from "vitest";
import { DIGEST, named } from "./named";

const id = "0f9d5a57-8f55-4b0e-9a2b-6f8c6a1f7a10";

test("an identifier and a digest are taken as they are", () => {
  expect(named(id)).toBe(id);
  expect(named("3e".repeat(32), DIGEST)).toBe("3e".repeat(32));
});

test.each([
  ["new", undefined],
  [id.slice(0, -1), undefined],
  [`${id}.`, undefined],
  [id, DIGEST],
])("%s is the name of no page", (name, form) => {
  try {
    named(name, form);
    expect.unreachable();
  } catch (error) {
    expect(isNotFound(error)).toBe(true);
  }
});
