// What a feature is called on the page: the collector's label, or this language's own.
import type { Messages } from "@/i18n/en";

interface Named {
  name: string;
  label: string;
  unit: string;
}

export function featureLabel(feature: Named, t: Messages): string {
  return t.featureNames[feature.name] ?? feature.label;
}

export function featureOption(feature: Named, t: Messages): string {
  const label = featureLabel(feature, t);
  return feature.unit ? `${label} (${feature.unit})` : label;
}
