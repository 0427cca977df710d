// A self-check in words: its name, its figures and what to do, by the agent's keys; its own text where none is known.
import type { Check } from "@/api/types";
import type { Messages } from "@/i18n/en";

type Known = Pick<Check, "key"> & { cause: string | null };

/** An identifier that this release has no words for, as it is read. */
const plain = (identifier: string): string => {
  const text = identifier.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
};

/** What was found, or what was checked where nothing was. */
export function checkName({ key, cause }: Known, t: Messages): string {
  return (cause === null ? undefined : t.checks.causes[`${key} ${cause}`]) ?? t.checks.names[key] ?? plain(key);
}

export function checkRemedy(check: Check, t: Messages): string {
  return t.checks.remedies[`${check.key} ${check.cause ?? ""}`] ?? check.remedy;
}

export function checkFigures(check: Check, t: Messages, locale: string): string {
  const format = new Intl.NumberFormat(locale, { maximumFractionDigits: 2 });
  return check.evidence
    .map(({ key, value, unit }) => `${t.checks.figures[key] ?? plain(key).toLowerCase()} ${format.format(value)}${unit && `\u202f${unit}`}`)
    .join(", ");
}
