import { expect, test } from "vitest";
import { ApiError } from "@/api/client";
import { en } from "@/i18n/en";
import { es } from "@/i18n/es";
import { explain } from "./ErrorState";

const KINDS = ["password_too_short", "password_too_long", "password_too_uniform", "password_guessable", "busy", "own_exports_wait", "exports_wait", "exports_full"];

test.each(KINDS)("%s is told in the reader's language, not in the collector's words", (kind) => {
  const problem = new ApiError(kind === "busy" ? 503 : 422, "the collector's own words", kind);
  const [english, spanish] = [explain(problem, en), explain(problem, es)];
  expect(english).not.toContain("own words");
  expect(spanish).not.toContain("own words");
  expect(spanish).not.toBe(english);
});
