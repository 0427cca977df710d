import { expect, test } from "vitest";
import type { MachineCard, State } from "@/api/types";
import { chosenStates, countStates, findMachines, inStates, parseFleetSearch, sitesOf, tagsOf, sorted, toggleState } from "./fleet-search";

const machine = (name: string, site: string, status: State, others: Partial<MachineCard> = {}): MachineCard => ({
  id: name,
  name,
  site: { id: site, name: site },
  tags: [],
  status,
  score: null,
  threshold: null,
  last_heard_us: null,
  open_events: 0,
  sensors: [],
  ...others,
});

const fleet = [
  machine("Pump 10", "North", "normal", { score: 0.4, threshold: 0.5, last_heard_us: 20 }),
  machine("Pump 2", "North", "alarm", { score: 0.6, threshold: 0.5, last_heard_us: 10 }),
  machine("Gebläse", "South", "anomalous", { score: 0.7, threshold: 0.5 }),
  machine("Mixer", "South", "stopped", { score: 0.9, threshold: 0.5, last_heard_us: 30 }),
];
const namesOf = (machines: readonly MachineCard[]) => machines.map((each) => each.name);

test("words are found in any order, without case and accents, in names of machines and sites", () => {
  expect(namesOf(findMachines(fleet, { q: "north 2" }))).toEqual(["Pump 2"]);
  expect(namesOf(findMachines(fleet, { q: "GEBLASE" }))).toEqual(["Gebläse"]);
  expect(namesOf(findMachines(fleet, { q: " pump", site: "South" }))).toEqual([]);
  expect(namesOf(findMachines(fleet, {}))).toEqual(namesOf(fleet));
});

test("states are chosen one by one, and none means all", () => {
  const search = toggleState(toggleState({ q: "p" }, "normal"), "alarm");
  expect(chosenStates(search)).toEqual(["alarm", "normal"]);
  expect(namesOf(inStates(fleet, search))).toEqual(["Pump 10", "Pump 2"]);
  const none = toggleState(toggleState(search, "normal"), "alarm");
  expect(none).toEqual({ q: "p" });
  expect(inStates(fleet, none)).toHaveLength(4);
});

test("the neediest come first, then by site and by the number in the name", () => {
  expect(namesOf(sorted(fleet, {}))).toEqual(["Pump 2", "Gebläse", "Mixer", "Pump 10"]);
  expect(namesOf(sorted(fleet, { sort: "name" }))).toEqual(["Gebläse", "Mixer", "Pump 2", "Pump 10"]);
  expect(namesOf(sorted(fleet, { sort: "site" }))).toEqual(["Pump 2", "Pump 10", "Gebläse", "Mixer"]);
  expect(namesOf(sorted(fleet, { sort: "heard" }))).toEqual(["Mixer", "Pump 10", "Pump 2", "Gebläse"]);
});

test("a machine at rest is no strange one, however far its score is off", () => {
  expect(namesOf(sorted(fleet, { sort: "score" }))).toEqual(["Gebläse", "Pump 2", "Pump 10", "Mixer"]);
});

test("an address is taken for what of it is known", () => {
  expect(parseFleetSearch({ q: 12, site: "North", status: "normal,broken,alarm", sort: "name", other: 1 })).toEqual({
    q: "12",
    site: "North",
    status: "alarm,normal",
    sort: "name",
  });
  expect(parseFleetSearch({ q: "", status: "broken", sort: "need", site: 3 })).toEqual({});
});

test("sites and states are counted once", () => {
  expect(sitesOf(fleet)).toEqual(["North", "South"]);
  expect(Object.fromEntries(countStates(fleet))).toEqual({ normal: 1, alarm: 1, anomalous: 1, stopped: 1 });
});

test("a tag is looked for as a whole, and by its letters in the search", () => {
  const tagged = [machine("A", "North", "normal", { tags: ["line 2"] }), machine("B", "North", "normal", { tags: ["line", "2"] })];
  expect(namesOf(findMachines(tagged, { tag: "line" }))).toEqual(["B"]);
  expect(namesOf(findMachines(tagged, { q: "line" }))).toEqual(["A", "B"]);
  expect(tagsOf(tagged)).toEqual(["2", "line", "line 2"]);
  expect(parseFleetSearch({ tag: 2 })).toEqual({ tag: "2" });
});
