// The words and the locale of the language that the user has chosen, else of the browser. Only what is spoken is loaded.
import { useEffect, useSyncExternalStore } from "react";
import { preferred, usePreference } from "@/lib/preferences";
import type { Messages } from "./en";
import { localeOf } from "./locale";

export const LANGUAGES = ["en", "es"] as const;
export type Language = (typeof LANGUAGES)[number];

/** A word changed here is to be changed in vite.config.ts and public/before.js, which have these files loaded early. */
const LOAD: Record<Language, () => Promise<Messages>> = {
  en: async () => (await import("./en")).en,
  es: async () => (await import("./es")).es,
};
const NAME = "language";

const loaded = new Map<Language, Messages>();
let missing: Language | undefined;
const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

function setMissing(language: Language | undefined): void {
  missing = language;
  for (const listener of listeners) listener();
}

function browserLanguage(): Language {
  return navigator.language.startsWith("es") ? "es" : "en";
}

/** Have a language's words; whether they could be had. Where not, `useMissingLanguage` tells until one could. */
export async function loadLanguage(language: Language): Promise<boolean> {
  try {
    if (!loaded.has(language)) loaded.set(language, await LOAD[language]());
    setMissing(undefined);
    return true;
  } catch {
    setMissing(language);
    return false;
  }
}

/** Have the words that the first page is to be drawn with: of another language where those wanted cannot be had. */
export async function loadWords(): Promise<boolean> {
  const wanted = preferred(NAME, LANGUAGES, browserLanguage());
  if (await loadLanguage(wanted)) return true;
  for (const other of LANGUAGES) {
    if (other !== wanted && (await loadLanguage(other))) {
      setMissing(wanted);
      return true;
    }
  }
  return false;
}

/** The language that is spoken, which is the one before until the chosen one's words are there; and a way to choose. */
export function useLanguage(): readonly [Language, (language: Language) => Promise<void>] {
  const [wanted, remember] = usePreference(NAME, LANGUAGES, browserLanguage());
  const spoken = useSyncExternalStore(subscribe, () => (loaded.has(wanted) ? wanted : LANGUAGES.find((each) => loaded.has(each))));
  const choose = async (language: Language) => {
    // At once: a page that is loaded again before the words were there begins with them.
    remember(language);
    await loadLanguage(language);
  };
  return [spoken ?? wanted, choose];
}

/** Keep the document in the language that is spoken, and speak what another tab has chosen; used once, by the layout. */
export function useLanguageOnDocument(): void {
  const [wanted] = usePreference(NAME, LANGUAGES, browserLanguage());
  const [spoken] = useLanguage();
  useEffect(() => {
    if (!loaded.has(wanted) && missing !== wanted) void loadLanguage(wanted);
  }, [wanted]);
  useEffect(() => {
    document.documentElement.lang = spoken;
  }, [spoken]);
}

/** The language whose words were asked for last and could not be loaded. */
export function useMissingLanguage(): Language | undefined {
  return useSyncExternalStore(subscribe, () => missing);
}

/** A language's name, in itself as in "español" unless it is said in which one. */
export function languageName(language: Language, within: Language = language): string {
  return new Intl.DisplayNames([within], { type: "language" }).of(language) ?? language;
}

export function useMessages(): Messages {
  const messages = loaded.get(useLanguage()[0]);
  if (!messages) throw new Error("no language's words are loaded; loadWords comes before the first page");
  return messages;
}

export function useLocale(): string {
  return localeOf(useLanguage()[0], navigator.language);
}
