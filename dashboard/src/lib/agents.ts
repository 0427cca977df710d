// How agents are ordered, and what becomes of the other copies when one is accepted.
import type { Agent, AgentCopy } from "@/api/agents";

const NEED: Record<Agent["state"], number> = { quarantined: 0, active: 1, revoked: 2 };

/** Those that wait for a decision first, revoked ones last. */
export function byNeed(a: Agent, b: Agent): number {
  return NEED[a.state] - NEED[b.state] || a.name.localeCompare(b.name);
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
