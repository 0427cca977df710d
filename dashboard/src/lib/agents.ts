// How agents are ordered, which of them fell silent, and what becomes of the other copies when one is accepted.
import type { Agent, AgentCopy } from "@/api/agents";

/** Agents tell their checks every minute; after this long without a word one is silent, and its checks are old. */
export const STALE_US = 300_000_000;

/** An agent's state as a person sees it: one that should be heard and is not is silent. */
export type Condition = Agent["state"] | "silent";

const NEED: Record<Condition, number> = { quarantined: 0, silent: 1, active: 3, revoked: 4 };
const WITH_COPIES = 2;

export function isStale(us: number, nowUs: number): boolean {
  return nowUs - us > STALE_US;
}

/** One that was never heard has as long from its enrolment on. */
export function conditionOf(agent: Agent, nowUs: number): Condition {
  const isSilent = agent.state === "active" && isStale(agent.last_seen_us ?? agent.credential_since_us, nowUs);
  return isSilent ? "silent" : agent.state;
}

/** Those that wait for a decision first, then silent ones, then those with refused copies; revoked ones last. */
export function byNeed(nowUs: number): (a: Agent, b: Agent) => number {
  const need = (agent: Agent) => {
    const condition = conditionOf(agent, nowUs);
    return condition === "active" && agent.copies.length > 0 ? WITH_COPIES : NEED[condition];
  };
  return (a, b) => need(a) - need(b) || a.name.localeCompare(b.name);
}

/** How many windows the other copies say they hold; null where there is no other copy. */
export function heldByOthers(copies: readonly AgentCopy[], chosen: AgentCopy): number | null {
  const others = copies.filter((copy) => copy.instance !== chosen.instance);
  return others.length === 0 ? null : others.reduce((sum, copy) => sum + (copy.waiting ?? 0), 0);
}

/** What a person can tell an id by; the command line takes it, too. */
export function shortId(id: string): string {
  return id.slice(0, 8);
}
