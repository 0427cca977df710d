// Entries of the log in words: what was done, to what, and each field's value before and after.
import type { Change } from "@/api/administration";
import type { Format } from "@/lib/format";
import type { Messages } from "@/i18n/en";
import type { Names } from "./use-names";

const CHANGED = "(changed)";
/** Columns that hold a time, in UTC microseconds. */
const TIME = /^(created|changed|expires|ended|disabled|revoked|last_used|last_seen|at|start|end|deleted|decided|heard|since|until)$|(_us|_at)$/;
const EARLIEST_US = Date.UTC(2000) * 1000;

/** Names that have no words, of a later release for one, are shown as they are, without underscores. */
export function saidAction(action: string, t: Messages): string {
  return t.settings.audit.actions[action] ?? action.replaceAll("_", " ");
}

export function saidSubject(subject: string, t: Messages): string {
  return t.settings.audit.subjects[subject] ?? subject.replaceAll("_", " ");
}

export function saidColumn(column: string, t: Messages): string {
  return t.settings.audit.columns[column] ?? column.replaceAll("_", " ");
}

/** What a column that holds one of few words may hold. */
function wordsOf(column: string, t: Messages): Record<string, string> {
  if (column === "role" || column === "scope") return t.auth.role;
  if (column === "verdict") return t.review.verdictLong;
  if (column === "cause") return t.review.cause;
  if (column === "setting") return t.policies.names;
  if (column === "kind") return { note: t.view.keyNote, maintenance: t.view.keyMaintenance };
  return {};
}

export interface Difference {
  /** The column's own name. */
  name: string;
  /** Undefined where the thing was not there yet. */
  before: string | undefined;
  /** Undefined where the thing is not there any more. */
  after: string | undefined;
}

/** What changed, field by field; of a new thing, what was left empty is not told. */
export function differences({ before, after }: Pick<Change, "before" | "after">, t: Messages, format: Format, names: Names): Difference[] {
  const columns = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]);
  const say = (values: Change["before"], name: string) => (values && name in values ? said(name, values[name], t, format, names) : undefined);
  return [...columns].filter((name) => before || (after?.[name] ?? null) !== null).map((name) => ({ name, before: say(before, name), after: say(after, name) }));
}

function said(name: string, value: unknown, t: Messages, format: Format, names: Names): string {
  const words = t.settings.audit;
  if (value === null || value === undefined || value === "") return words.empty;
  if (value === CHANGED) return words.secret;
  if (typeof value === "boolean") return value ? words.yes : words.no;
  if (typeof value === "number") return TIME.test(name) && value > EARLIEST_US ? format.dateTime(value) : format.number(value, decimals(value));
  if (Array.isArray(value) && value.every((each) => typeof each === "string")) return value.join(", ");
  return typeof value === "string" ? (wordsOf(name, t)[value] ?? names.get(value) ?? value) : JSON.stringify(value);
}

/** As many digits as the figure has, six at most. */
function decimals(value: number): number {
  return Math.min(6, (String(value).split(".")[1] ?? "").length);
}
