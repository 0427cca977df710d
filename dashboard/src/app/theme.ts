// Light, dark, high contrast or as the system; the choice is set on the document, where the tokens in styles.css read it.
import { useEffect, useLayoutEffect, useSyncExternalStore } from "react";
import { usePreference } from "@/lib/preferences";

export const THEMES = ["system", "light", "dark", "contrast"] as const;
export type Theme = (typeof THEMES)[number];

const systemDark = window.matchMedia("(prefers-color-scheme: dark)");

function useSystemDark(): boolean {
  return useSyncExternalStore(
    (listener) => {
      systemDark.addEventListener("change", listener);
      return () => systemDark.removeEventListener("change", listener);
    },
    () => systemDark.matches,
  );
}

function useThemePreference() {
  return usePreference("theme", THEMES, "system");
}

/** The chosen theme, its setter, what it comes to now, and on which ground that is. */
export function useTheme() {
  const [theme, setTheme] = useThemePreference();
  const dark = useSystemDark();
  const shown: Exclude<Theme, "system"> = theme === "system" ? (dark ? "dark" : "light") : theme;
  const ground: "light" | "dark" = shown === "dark" ? "dark" : "light";
  return { theme, setTheme, shown, ground };
}

let chosen: Theme = "system";
let isPaper = false;

function setOnDocument(): void {
  const { dataset } = document.documentElement;
  const theme = isPaper ? "light" : chosen;
  if (theme === "system") delete dataset.theme;
  else dataset.theme = theme;
}

/** Keep the document in the chosen theme; used once, by the layout. */
export function useThemeOnDocument(): void {
  const [theme] = useThemePreference();
  useEffect(() => {
    chosen = theme;
    setOnDocument();
  }, [theme]);
}

/** Paper is white: the chosen theme is set aside while a page is shown that is to be printed. */
export function usePaper(): void {
  useLayoutEffect(() => {
    isPaper = true;
    setOnDocument();
    return () => {
      isPaper = false;
      setOnDocument();
    };
  }, []);
}
