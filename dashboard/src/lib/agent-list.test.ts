import { expect, test } from "vitest";
import type { Agent } from "@/api/agents";
import { behindUs, countConditions, findAgents, isOlder, newestVersion, parseAgentsSearch, sortAgents } from "./agent-list";

const NOW_US = 1_800_000_000_000_000;
const sensor = (machine: string, window_s = 5) => ({ machine_name: machine, name: "mic", window_s });
const agent = (name: string, others: object = {}) =>
  ({ name, id: "0f3a91c2", address: "192.0.2.7", version: "0.2.0", state: "active", last_seen_us: NOW_US, enrolled_us: 0, copies: [], sensors: [], spool_rows: 0, clock_offset_us: 0, link: null, ...others }) as unknown as Agent;

test("the address keeps what is asked for, and nothing that is not known", () => {
  expect(parseAgentsSearch({ q: 12, state: "silent", sort: "backlog", other: 1 })).toEqual({ q: "12", state: "silent", sort: "backlog" });
  expect(parseAgentsSearch({ q: "", state: "asleep", sort: "need" })).toEqual({});
});

test("agents are found by words of their name, address, release and machines, without case and accents", () => {
  const agents = [agent("Prensa"), agent("b", { sensors: [sensor("Ventilación 2")] }), agent("c", { version: "0.1.0" })];
  const names = (q: string) => findAgents(agents, { q }).map((each) => each.name);
  expect(names("prensa 192.0")).toEqual(["Prensa"]);
  expect(names("VENTILACION")).toEqual(["b"]);
  expect(names("0.1.0")).toEqual(["c"]);
  expect(names("")).toHaveLength(3);
});

test("agents are counted and sorted by what is asked", () => {
  const agents = [agent("b 10", { spool_rows: 3 }), agent("b 9", { last_seen_us: NOW_US - 1 }), agent("a", { state: "quarantined", spool_rows: null })];
  expect([...countConditions(agents, NOW_US)]).toEqual([["active", 2], ["quarantined", 1]]);
  const names = (sort: "need" | "name" | "heard" | "backlog") => sortAgents(agents, { sort }, NOW_US).map((each) => each.name);
  expect(names("need")[0]).toBe("a");
  expect(names("name")).toEqual(["a", "b 9", "b 10"]);
  expect(names("heard").at(-1)).toBe("b 9");
  expect(names("backlog")).toEqual(["b 10", "b 9", "a"]);
});

test("what waits is told as sound of each sensor", () => {
  expect(behindUs(agent("a", { spool_rows: 1_240, sensors: [sensor("x"), sensor("y")] }))).toBe(3_100e6);
  expect(behindUs(agent("a", { spool_rows: 12, sensors: [sensor("x", 1), sensor("y", 5)] }))).toBeCloseTo(10e6);
  expect(behindUs(agent("a", { spool_rows: null, sensors: [sensor("x")] }))).toBeNull();
  expect(behindUs(agent("a", { spool_rows: 5 }))).toBeNull();
});

test("a release is behind if an agent in use has a newer one", () => {
  const newest = newestVersion([agent("a", { version: "0.9.0" }), agent("b", { version: "0.10.0" }), agent("c", { version: "2.0.0", state: "revoked" })]);
  expect(newest).toBe("0.10.0");
  expect(isOlder("0.9.0", newest)).toBe(true);
  expect(isOlder("0.10", newest)).toBe(false);
  expect(isOlder("0.10.0", newest)).toBe(false);
  expect(newestVersion([])).toBeNull();
});
