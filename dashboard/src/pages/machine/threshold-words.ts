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
  const parameters = Object.entries(threshold.parameters).map(([name, value]) => `${words(name)} ${plain.format(value)}`);
  return [words(threshold.method), ...parameters].join(", ");
}
