// The format of the language in use.
import { useLocale } from "@/i18n";
import { formatFor, type Format } from "./format";

export function useFormat(): Format {
  return formatFor(useLocale());
}
