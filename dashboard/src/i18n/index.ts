// The words and the locale of the language that the user has chosen, else of the browser.
import { usePreference } from "@/lib/preferences";
import { en, type Messages } from "./en";
import { es } from "./es";

export const LANGUAGES = ["en", "es"] as const;
export type Language = (typeof LANGUAGES)[number];

const MESSAGES: Record<Language, Messages> = { en, es };
const LOCALE: Record<Language, string> = { en: "en-GB", es: "es-ES" };

function browserLanguage(): Language {
  return navigator.language.startsWith("es") ? "es" : "en";
}

export function useLanguage(): readonly [Language, (language: Language) => void] {
  return usePreference("language", LANGUAGES, browserLanguage());
}

/** A language's name in itself, as in "español". */
export function languageName(language: Language): string {
  return new Intl.DisplayNames([language], { type: "language" }).of(language) ?? language;
}

export function useMessages(): Messages {
  return MESSAGES[useLanguage()[0]];
}

export function useLocale(): string {
  return LOCALE[useLanguage()[0]];
}
