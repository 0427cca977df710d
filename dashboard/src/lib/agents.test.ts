import { expect, test } from "vitest";
import type { Agent, AgentCopy } from "@/api/agents";
import { byNeed, heldByOthers, shortId } from "./agents";

const copy = (instance: string, waiting: number | null): AgentCopy => ({
  instance,
  address: null,
  cause: "quarantined",
  first_seen_us: 0,
  last_seen_us: 0,
  waiting,
});

test("agents that wait for a decision come first, revoked ones last, then by name", () => {
  const agent = (name: string, state: Agent["state"]) => ({ name, state }) as Agent;
  const sorted = [agent("b", "active"), agent("z", "quarantined"), agent("a", "revoked"), agent("a", "active")].toSorted(byNeed);
  expect(sorted.map((each) => `${each.name} ${each.state}`)).toEqual(["z quarantined", "a active", "b active", "a revoked"]);
});

test("what the other copies hold is counted without the one that is chosen", () => {
  const copies = [copy("a", 5), copy("b", 1240), copy("c", null)];
  expect(copies.map((each) => heldByOthers(copies, each))).toEqual([1240, 5, 1245]);
  expect(heldByOthers([copy("a", 5)], copy("a", 5))).toBeNull();
});

test("an id is told by what the command line takes", () => {
  expect(shortId("0f3a91c2-7a3e-4b57-9d59-0a4f5a5d3c11")).toBe("0f3a91c2");
});
