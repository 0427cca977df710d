// What the pages about models show, as their addresses say it.
import type { Standing } from "@/api/models";

export const STANDINGS = ["refused", "offered", "probation", "running", "learning"] as const satisfies readonly Standing[];

export interface ModelsSearch {
  q?: string;
  /** A site's identity. */
  site?: string;
  standing?: Standing;
}

/** Two models that are compared, by digest. */
export interface CompareSearch {
  a?: string;
  b?: string;
}

const DIGEST = /^[0-9a-f]{64}$/;
const IDENTITY = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export function parseModelsSearch(raw: Record<string, unknown>): ModelsSearch {
  const search: ModelsSearch = {};
  // The router reads what looks like a number as one.
  if ((typeof raw.q === "string" && raw.q !== "") || typeof raw.q === "number") search.q = String(raw.q);
  if (typeof raw.site === "string" && IDENTITY.test(raw.site)) search.site = raw.site;
  const standing = STANDINGS.find((each) => each === raw.standing);
  if (standing) search.standing = standing;
  return search;
}

export function parseCompareSearch(raw: Record<string, unknown>): CompareSearch {
  const search: CompareSearch = {};
  for (const name of ["a", "b"] as const) {
    const value = raw[name];
    if (typeof value === "string" && DIGEST.test(value)) search[name] = value;
  }
  return search;
}
