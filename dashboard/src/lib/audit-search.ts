// What the page of the log shows, kept in its address so that it can be copied; what is wrong in it is left out.
const WORDS = ["actor", "action", "subject", "subject_id"] as const;
const TIMES = ["from_us", "to_us"] as const;
const LONGEST = 100;

export type AuditSearch = Partial<Record<(typeof WORDS)[number], string> & Record<(typeof TIMES)[number], number>>;

export function parseAuditSearch(raw: Record<string, unknown>): AuditSearch {
  const search: AuditSearch = {};
  for (const name of WORDS) {
    // The router reads a search of digits as a number.
    const value = typeof raw[name] === "number" ? String(raw[name]) : raw[name];
    if (typeof value === "string" && value !== "" && value.length <= LONGEST) search[name] = value;
  }
  for (const name of TIMES) {
    const value = raw[name];
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) search[name] = value;
  }
  return search;
}
