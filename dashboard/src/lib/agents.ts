// How agents are ordered, which of them fell silent, and what becomes of the other copies when one is accepted.
import type { Agent, AgentCopy } from "@/api/agents";

/** Agents tell their checks every minute; after this long without a word one is silent, and its checks are old. */
export const STALE_US = 300_000_000;

/** An agent's state as a person sees it: one that should be heard and is not is silent. */
export type Condition = Agent["state"] | "silent";

const NEED: Record<Condition, number> = { quarantined: 0, silent: 1, active: 4, revoked: 5 };
const WITH_COPIES = 2;
const TROUBLED = 3;
/** A clock that is further off is one of the agent's own checks that are not good. */
export const CLOCK_OFF_US = 2_000_000;
/** So many windows wait where batches do not come through; less is on its way. */
const MANY_ROWS = 500;
/** Of ten batches one may be late; more is a link that is worth a look. */
export const GOOD_LINK = 0.9;

export function isClockOff(agent: Agent): boolean {
  return Math.abs(agent.clock_offset_us ?? 0) > CLOCK_OFF_US;
}

function isTroubled(agent: Agent): boolean {
  return (agent.spool_rows ?? 0) > MANY_ROWS || isClockOff(agent) || (agent.link !== null && agent.link.at_once < GOOD_LINK);
}

export function isStale(us: number, nowUs: number): boolean {
  return nowUs - us > STALE_US;
}

/** One that was never heard has as long from its enrolment on. */
export function conditionOf(agent: Agent, nowUs: number): Condition {
  const isSilent = agent.state === "active" && isStale(agent.last_seen_us ?? agent.credential_since_us, nowUs);
  return isSilent ? "silent" : agent.state;
}

const names = new Intl.Collator(undefined, { numeric: true });

export function byName(a: Pick<Agent, "name">, b: Pick<Agent, "name">): number {
  return names.compare(a.name, b.name);
}

/** Those that wait for a decision first, then silent ones, those with refused copies, those in trouble; revoked ones last. */
export function byNeed(nowUs: number): (a: Agent, b: Agent) => number {
  const need = (agent: Agent) => {
    const condition = conditionOf(agent, nowUs);
    if (condition === "active" && agent.copies.length > 0) return WITH_COPIES;
    return condition === "active" && isTroubled(agent) ? TROUBLED : NEED[condition];
  };
  return (a, b) => need(a) - need(b) || byName(a, b);
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
