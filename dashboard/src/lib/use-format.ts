// The format of the language in use.
import { createContext, useContext } from "react";
import { useLocale } from "@/i18n";
import { elapsedFormatFor, formatFor, type Format } from "./format";

/** Whether the charts within show times since the start of a recording. */
export const ElapsedTime = createContext(false);

export function useFormat(): Format {
  const locale = useLocale();
  return useContext(ElapsedTime) ? elapsedFormatFor(locale) : formatFor(locale);
}
