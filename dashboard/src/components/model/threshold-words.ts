// How a model's threshold was chosen, in words; a method that is not known yet is shown as the collector tells it.
import type { ModelSummary } from "@/api/types";
import type { Messages } from "@/i18n/en";

/** An identifier of the collector's as it is read. */
export function words(identifier: string): string {
  return identifier.replaceAll("_", " ");
}

export function thresholdWords(threshold: ModelSummary["threshold"], t: Messages, locale: string): string {
  const plain = new Intl.NumberFormat(locale);
  const { percentile, margin } = threshold.parameters;
  if (threshold.method === "held_out_debounced_percentile" && percentile !== undefined && margin !== undefined) {
    return t.model.heldOut(t.model.percentile(percentile, plain), plain.format(margin));
  }
  if (threshold.method === "false_alarm_budget") return budgetWords(threshold.parameters, t, locale);
  const parameters = Object.entries(threshold.parameters).map(([name, value]) => `${words(name)} ${plain.format(value)}`);
  return [words(threshold.method), ...parameters].join(", ");
}

const SHORT = 1.05;

/** The budget, and honestly how sure it is after so short a baseline. */
function budgetWords(parameters: Record<string, number>, t: Messages, locale: string): string {
  const rounded = new Intl.NumberFormat(locale, { maximumSignificantDigits: 2 });
  const of = (name: string) => parameters[name] ?? 0;
  const budget = of("false_alarms_per_week");
  const expected = of("expected_per_week");
  const span = spanWords(of("baseline_s"), t, rounded);
  const range = t.model.between(rounded.format(of("expected_per_week_low")), rounded.format(of("expected_per_week_high")));
  const lead = t.model.budget(rounded.format(budget), budget);
  return expected > SHORT * budget
    ? `${lead} ${t.model.tooShort(span, rounded.format(expected), range)}`
    : `${lead} ${t.model.assured(span, range)}`;
}

function spanWords(seconds: number, t: Messages, rounded: Intl.NumberFormat): string {
  if (seconds < 60) return t.model.span.seconds(rounded.format(seconds));
  return seconds < 3600 ? t.model.span.minutes(rounded.format(seconds / 60)) : t.model.span.hours(rounded.format(seconds / 3600));
}
