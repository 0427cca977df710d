import { expect, test } from "vitest";
import { ApiError } from "@/api/client";
import { en } from "@/i18n/en";
import { es } from "@/i18n/es";
import { explain } from "./ErrorState";

const UNAVAILABLE = ["busy", "database_away", "database_busy", "database_full", "storage_away", "about:blank"];
const CASES: [number, string][] = [
  ...["password_too_short", "password_too_long", "password_too_uniform", "password_guessable"].map((kind): [number, string] => [422, kind]),
  ...["own_exports_wait", "exports_wait", "about:blank"].map((kind): [number, string] => [429, kind]),
  ...UNAVAILABLE.map((kind): [number, string] => [503, kind]),
  ...["exports_full", "judged_meanwhile", "training_waits", "evaluation_waits", "clip_locked"].map((kind): [number, string] => [409, kind]),
  ...["wrong_current_password", "ends_before_start"].map((kind): [number, string] => [422, kind]),
  ...["unreadable", "empty", "damaged", "not_finite", "too_long", "too_short", "rate", "channel"].map((why): [number, string] => [422, `audio_${why}`]),
  [413, "audio_too_large"],
  [403, "not_yours"],
  [500, "about:blank"],
  [502, "about:blank"],
];

test.each(CASES)("%i %s is told in the reader's language, not in the collector's words", (status, kind) => {
  const problem = new ApiError(status, "the collector's own words", kind);
  const [english, spanish] = [explain(problem, en), explain(problem, es)];
  expect(english).not.toContain("own words");
  expect(spanish).not.toContain("own words");
  expect(spanish).not.toBe(english);
});
