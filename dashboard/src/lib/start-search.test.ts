import { expect, test } from "vitest";
import { chosenOf, parseStartSearch } from "./start-search";

test("the address keeps what was chosen, and nothing that is not known", () => {
  const search = parseStartSearch({ site: "Hall", machine: 7, source: "simulator", kind: "fan", way: "package", key: "k", again: true, secret: "x" });
  expect(search).toEqual({ site: "Hall", machine: "7", source: "simulator", kind: "fan", way: "package", key: "k", again: true });
  expect(parseStartSearch({ site: "", source: "radio", kind: 1, way: "snap", again: "yes" })).toEqual({});
});

test("a choice is one once all of it was said", () => {
  expect(chosenOf({ site: "Hall", machine: "Fan" })).toBeNull();
  expect(chosenOf({ site: "Hall", machine: "Fan", source: "recording" })).toBeNull();
  expect(chosenOf({ site: "Hall", machine: "Fan", source: "recording", path: "/srv" })).toMatchObject({ path: "/srv" });
  expect(chosenOf({ site: "Hall", machine: "Fan", source: "microphone" })).toMatchObject({ source: "microphone" });
});
