// What was chosen on the way to the first machine, as the address keeps it; whether a step is done the collector knows.
import { KINDS, SOURCES, WAYS, type Chosen, type Kind, type Source, type Way } from "./enrolment";

export interface StartSearch {
  site?: string;
  machine?: string;
  source?: Source;
  kind?: Kind;
  path?: string;
  way?: Way;
  /** Which enrolment key the agent gets; its text is not in it. */
  key?: string;
  /** One more machine, whatever there is. */
  again?: true;
}

export function parseStartSearch(raw: Record<string, unknown>): StartSearch {
  const search: StartSearch = {};
  for (const name of ["site", "machine", "path", "key"] as const) {
    const value = raw[name];
    // The router reads what looks like a number as one.
    if ((typeof value === "string" && value !== "") || typeof value === "number") search[name] = String(value);
  }
  const source = SOURCES.find((each) => each === raw.source);
  const kind = KINDS.find((each) => each === raw.kind);
  const way = WAYS.find((each) => each === raw.way);
  if (source) search.source = source;
  if (kind) search.kind = kind;
  if (way) search.way = way;
  if (raw.again === true) search.again = true;
  return search;
}

/** What an agent is to listen to, once all of it was said. */
export function chosenOf({ site, machine, source, kind, path }: StartSearch): Chosen | null {
  if (site === undefined || machine === undefined || source === undefined) return null;
  return source === "recording" && path === undefined ? null : { site, machine, source, kind, path };
}
