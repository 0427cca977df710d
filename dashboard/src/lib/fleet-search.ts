// Which machines of the fleet are shown and in which order, as the page's address says it.
import type { MachineCard, State } from "@/api/types";
import { need, STATES_BY_NEED } from "./status";

export const SORTS = ["need", "name", "site", "score", "heard"] as const;
export type Sort = (typeof SORTS)[number];

/** What the fleet page shows, kept in its address so that it can be copied. */
export interface FleetSearch {
  q?: string;
  site?: string;
  tag?: string;
  /** States joined by commas; none: all. */
  status?: string;
  sort?: Sort;
}

export function parseFleetSearch(raw: Record<string, unknown>): FleetSearch {
  const search: FleetSearch = {};
  // The router reads what looks like a number as one.
  if ((typeof raw.q === "string" && raw.q !== "") || typeof raw.q === "number") search.q = String(raw.q);
  if (typeof raw.site === "string" && raw.site !== "") search.site = raw.site;
  if ((typeof raw.tag === "string" && raw.tag !== "") || typeof raw.tag === "number") search.tag = String(raw.tag);
  const states = typeof raw.status === "string" ? chosenStates({ status: raw.status }) : [];
  if (states.length > 0) search.status = states.join(",");
  const sort = SORTS.find((each) => each === raw.sort);
  if (sort && sort !== "need") search.sort = sort;
  return search;
}

export function chosenStates({ status = "" }: Pick<FleetSearch, "status">): State[] {
  const named = new Set(status.split(","));
  return STATES_BY_NEED.filter((state) => named.has(state));
}

/** The search with one state more or one less. */
export function toggleState(search: FleetSearch, state: State): FleetSearch {
  const states = new Set(chosenStates(search));
  if (!states.delete(state)) states.add(state);
  const rest = { ...search };
  delete rest.status;
  return states.size === 0 ? rest : { ...rest, status: [...states].join(",") };
}

/** Letters as one types them in a hurry: no case, no accents. */
function plain(text: string): string {
  return text.normalize("NFD").replaceAll(/\p{M}/gu, "").toLowerCase();
}

/** The machines at the site, with the tag, that have each word in their name, a tag, their site's or a sensor's; their state is not asked. */
export function findMachines(machines: readonly MachineCard[], { q = "", site, tag }: FleetSearch): MachineCard[] {
  const wanted = plain(q).split(/\s+/).filter(Boolean);
  return machines.filter((machine) => {
    if (site !== undefined && machine.site.name !== site) return false;
    if (tag !== undefined && !machine.tags.includes(tag)) return false;
    if (wanted.length === 0) return true;
    const text = plain([machine.name, machine.site.name, ...machine.tags, ...machine.sensors.map((sensor) => sensor.name)].join("\n"));
    return wanted.every((word) => text.includes(word));
  });
}

/** Those in one of the chosen states; in any if none is chosen. */
export function inStates(machines: readonly MachineCard[], search: FleetSearch): readonly MachineCard[] {
  const states = new Set(chosenStates(search));
  return states.size === 0 ? machines : machines.filter((machine) => states.has(machine.status));
}

export function countStates(machines: readonly MachineCard[]): Map<State, number> {
  const counts = new Map<State, number>();
  for (const { status } of machines) counts.set(status, (counts.get(status) ?? 0) + 1);
  return counts;
}

export function sitesOf(machines: readonly MachineCard[]): string[] {
  return [...new Set(machines.map((machine) => machine.site.name))].toSorted(names.compare);
}

export function tagsOf(machines: readonly MachineCard[]): string[] {
  return [...new Set(machines.flatMap((machine) => machine.tags))].toSorted(names.compare);
}

const names = new Intl.Collator(undefined, { numeric: true });

type Order = (a: MachineCard, b: MachineCard) => number;
const byName: Order = (a, b) => names.compare(a.name, b.name);
const bySite: Order = (a, b) => names.compare(a.site.name, b.site.name);
/** How near its threshold the score is; a machine at rest or without a score comes last. */
const strangeness = ({ score, threshold, status }: MachineCard): number =>
  score === null || threshold === null || status === "stopped" ? -1 : score / threshold;

const ORDERS: Record<Sort, Order> = {
  need: (a, b) => need(a.status) - need(b.status) || bySite(a, b) || byName(a, b),
  name: byName,
  site: (a, b) => bySite(a, b) || byName(a, b),
  score: (a, b) => strangeness(b) - strangeness(a) || byName(a, b),
  heard: (a, b) => (b.last_heard_us ?? 0) - (a.last_heard_us ?? 0) || byName(a, b),
};

export function sorted(machines: readonly MachineCard[], { sort = "need" }: FleetSearch): MachineCard[] {
  return machines.toSorted(ORDERS[sort]);
}
