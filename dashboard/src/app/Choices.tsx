// What is chosen for this browser, as buttons of the header: language, theme, developer mode.
import { CodeIcon, ContrastIcon, MoonIcon, SunIcon, SystemIcon } from "@/components/icons";
import { LANGUAGES, languageName, useLanguage, useMessages } from "@/i18n";
import { useDeveloperMode } from "./developer-mode";
import { THEMES, useTheme } from "./theme";

export const ICON_BUTTON = "inline-flex h-10 min-w-10 items-center justify-center rounded-md text-soft hover:bg-raised hover:text-ink";
const GLYPHS = { light: SunIcon, dark: MoonIcon, contrast: ContrastIcon, system: SystemIcon };

export function DeveloperToggle() {
  const t = useMessages();
  const { offered, on, setOn } = useDeveloperMode();
  if (!offered) return null;
  return (
    <button
      type="button"
      role="switch"
      aria-checked={on}
      aria-label={t.developer.toggle}
      title={t.developer.toggle}
      onClick={() => setOn(!on)}
      className={`${ICON_BUTTON} gap-1.5 px-2 ${on ? "text-accent" : ""}`}
    >
      <CodeIcon />
      <span aria-hidden className={`flex h-4 w-7 items-center rounded-full border px-0.5 ${on ? "justify-end border-accent bg-accent-wash" : "border-line-strong"}`}>
        <span className={`size-2.5 rounded-full ${on ? "bg-accent" : "bg-line-strong"}`} />
      </span>
    </button>
  );
}

export function LanguageButton() {
  const t = useMessages();
  const [language, setLanguage] = useLanguage();
  const next = LANGUAGES[(LANGUAGES.indexOf(language) + 1) % LANGUAGES.length] ?? "en";
  const name = languageName(next);
  return (
    <button
      type="button"
      lang={next}
      aria-label={`${next.toUpperCase()} – ${t.language.label}: ${name}`}
      title={name}
      onClick={() => void setLanguage(next)}
      className={`${ICON_BUTTON} text-xs font-semibold uppercase`}
    >
      {next}
    </button>
  );
}

export function ThemeButton() {
  const t = useMessages();
  const { theme, setTheme } = useTheme();
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "system";
  const Glyph = GLYPHS[theme];
  return (
    <button type="button" aria-label={t.theme.next(t.theme[theme])} title={t.theme.next(t.theme[theme])} onClick={() => setTheme(next)} className={ICON_BUTTON}>
      <Glyph />
    </button>
  );
}
