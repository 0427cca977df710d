import { expect, test } from "vitest";
import type { Agent, AgentCopy } from "@/api/agents";
import { byNeed, conditionOf, heldByOthers, shortId, STALE_US } from "./agents";

const copy = (instance: string, waiting: number | null): AgentCopy => ({
  instance,
  address: null,
  cause: "quarantined",
  first_seen_us: 0,
  last_seen_us: 0,
  waiting,
});

const NOW_US = 1_800_000_000_000_000;

const agent = (name: string, state: Agent["state"], others: Partial<Agent> = {}) =>
  ({ name, state, last_seen_us: NOW_US, credential_since_us: 0, copies: [], clock_offset_us: 0, spool_rows: 0, link: null, ...others }) as unknown as Agent;

test("agents that wait for a decision come first, then silent ones, those with copies, those in trouble, revoked ones last, then by name", () => {
  const sorted = [
    agent("b", "active"),
    agent("y", "active", { copies: [copy("x", null)] }),
    agent("x", "active", { last_seen_us: NOW_US - STALE_US - 1 }),
    agent("z", "quarantined", { last_seen_us: 0 }),
    agent("a", "revoked", { last_seen_us: 0 }),
    agent("a", "active"),
    agent("w", "active", { clock_offset_us: -2_500_000 }),
    agent("v", "active", { spool_rows: 1_240 }),
    agent("u", "active", { link: { batches: 100, at_once: 0.8, repeats: 0, delay_ms: 10 } }),
  ].toSorted(byNeed(NOW_US));
  expect(sorted.map((each) => `${each.name} ${each.state}`)).toEqual([
    "z quarantined",
    "x active",
    "y active",
    "u active",
    "v active",
    "w active",
    "a active",
    "b active",
    "a revoked",
  ]);
});

test("an active agent that was not heard for more than five minutes is silent, one that may not speak is not", () => {
  const heard = (state: Agent["state"], ago: number) => conditionOf(agent("a", state, { last_seen_us: NOW_US - ago }), NOW_US);
  expect(heard("active", STALE_US)).toBe("active");
  expect(heard("active", STALE_US + 1)).toBe("silent");
  expect(heard("revoked", STALE_US + 1)).toBe("revoked");
  expect(heard("quarantined", STALE_US + 1)).toBe("quarantined");
});

test("an agent that was never heard is silent five minutes after it was enrolled", () => {
  const enrolled = (ago: number) => conditionOf(agent("a", "active", { last_seen_us: null, credential_since_us: NOW_US - ago }), NOW_US);
  expect(enrolled(STALE_US)).toBe("active");
  expect(enrolled(STALE_US + 1)).toBe("silent");
});

test("what the other copies hold is counted without the one that is chosen", () => {
  const copies = [copy("a", 5), copy("b", 1240), copy("c", null)];
  expect(copies.map((each) => heldByOthers(copies, each))).toEqual([1240, 5, 1245]);
  expect(heldByOthers([copy("a", 5)], copy("a", 5))).toBeNull();
});

test("an id is told by what the command line takes", () => {
  expect(shortId("0f3a91c2-7a3e-4b57-9d59-0a4f5a5d3c11")).toBe("0f3a91c2");
});
