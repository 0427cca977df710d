// Which agents are listed and in which order, as the page's address says it, and how much of their sound waits.
import type { Agent } from "@/api/agents";
import { byName, byNeed, conditionOf, type Condition } from "./agents";

export const AGENT_SORTS = ["need", "name", "heard", "backlog"] as const;
export type AgentSort = (typeof AGENT_SORTS)[number];
export const CONDITIONS = ["quarantined", "silent", "active", "revoked"] as const satisfies readonly Condition[];

export interface AgentsSearch {
  q?: string;
  state?: Condition;
  sort?: AgentSort;
}

export function parseAgentsSearch(raw: Record<string, unknown>): AgentsSearch {
  const search: AgentsSearch = {};
  // The router reads what looks like a number as one.
  if ((typeof raw.q === "string" && raw.q !== "") || typeof raw.q === "number") search.q = String(raw.q);
  const state = CONDITIONS.find((each) => each === raw.state);
  if (state) search.state = state;
  const sort = AGENT_SORTS.find((each) => each === raw.sort);
  if (sort && sort !== "need") search.sort = sort;
  return search;
}

/** Letters as one types them in a hurry: no case, no accents. */
function plain(text: string): string {
  return text.normalize("NFD").replaceAll(/\p{M}/gu, "").toLowerCase();
}

/** Agents that have each word in their name, id, address, release, or a name of their machines or sensors. */
export function findAgents(agents: readonly Agent[], { q = "" }: AgentsSearch): readonly Agent[] {
  const wanted = plain(q).split(/\s+/).filter(Boolean);
  if (wanted.length === 0) return agents;
  return agents.filter((agent) => {
    const sensors = agent.sensors.flatMap((sensor) => [sensor.machine_name, sensor.name]);
    const text = plain([agent.name, agent.id, agent.address ?? "", agent.version, ...sensors].join("\n"));
    return wanted.every((word) => text.includes(word));
  });
}

export function countConditions(agents: readonly Agent[], nowUs: number): Map<Condition, number> {
  const counts = new Map<Condition, number>();
  for (const agent of agents) {
    const condition = conditionOf(agent, nowUs);
    counts.set(condition, (counts.get(condition) ?? 0) + 1);
  }
  return counts;
}

export function sortAgents(agents: readonly Agent[], { sort = "need" }: AgentsSearch, nowUs: number): Agent[] {
  const orders: Record<AgentSort, (a: Agent, b: Agent) => number> = {
    need: byNeed(nowUs),
    name: byName,
    heard: (a, b) => (b.last_seen_us ?? 0) - (a.last_seen_us ?? 0) || byName(a, b),
    backlog: (a, b) => (b.spool_rows ?? -1) - (a.spool_rows ?? -1) || byName(a, b),
  };
  return agents.toSorted(orders[sort]);
}

/**
 * How much sound of each sensor waits, in microseconds, if all sensors have an equal share in it; null if it is not known.
 */
export function behindUs({ spool_rows: rows, sensors }: Pick<Agent, "spool_rows" | "sensors">): number | null {
  const perSecond = sensors.reduce((sum, { window_s: length }) => sum + 1 / length, 0);
  return rows === null || perSecond === 0 ? null : (rows / perSecond) * 1e6;
}

/** Up to so much is on its way in any case: a batch in flight, and what was heard since it was made. */
export const UP_TO_DATE_US = 60_000_000;

function parts(version: string): number[] {
  return (/^\d+(?:\.\d+)*/.exec(version)?.[0] ?? "").split(".").map(Number);
}

function compareVersions(a: string, b: string): number {
  const [left, right] = [parts(a), parts(b)];
  for (let place = 0; place < Math.max(left.length, right.length); place++) {
    const difference = (left[place] ?? 0) - (right[place] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The newest release that an agent in use runs; null without agents. */
export function newestVersion(agents: readonly Agent[]): string | null {
  const used = agents.filter(({ state }) => state === "active").map(({ version }) => version);
  return used.toSorted(compareVersions).at(-1) ?? null;
}

export function isOlder(version: string, newest: string | null): boolean {
  return newest !== null && compareVersions(version, newest) < 0;
}
