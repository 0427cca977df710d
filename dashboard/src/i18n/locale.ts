// How numbers, dates and times are written in a language.

const USUAL: Readonly<Record<string, string>> = { en: "en-GB", es: "es-ES" };

/** As where the reader is, if the browser is in the same language: dates in the United States, decimals in Mexico. */
export function localeOf(language: string, browser: string): string {
  const regional = browser.split("-")[0] === language && browser !== language;
  return regional ? browser : (USUAL[language] ?? language);
}
