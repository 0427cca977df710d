// What is kept in this browser: appearance, language, developer mode.
import { Link } from "@tanstack/react-router";
import { useId, useState } from "react";
import { useDeveloperMode } from "@/app/developer-mode";
import { THEMES, useTheme } from "@/app/theme";
import { type Language, LANGUAGES, languageName, useLanguage, useMessages } from "@/i18n";

export function BrowserSettings() {
  const t = useMessages();
  const words = t.settings.browser;
  const { theme, setTheme } = useTheme();
  return (
    <section className="panel flex max-w-2xl flex-col gap-5 p-4" aria-label={t.settings.section.browser}>
      <div>
        <h2 className="font-semibold">{t.settings.section.browser}</h2>
        <p className="mt-1 text-sm text-soft">{words.lead}</p>
      </div>
      <Choice legend={t.theme.label} hint={words.themeHint} options={THEMES.map((each) => [each, t.theme[each]])} chosen={theme} onChoose={setTheme} />
      <LanguageChoice />
      <DeveloperChoice />
      <p className="border-t border-line pt-4 text-sm text-soft">
        {words.account}{" "}
        <Link to="/account" className="font-medium text-accent underline underline-offset-2">
          {words.toAccount}
        </Link>
      </p>
    </section>
  );
}

function LanguageChoice() {
  const t = useMessages();
  const [language, setLanguage] = useLanguage();
  /** Until its words are there, or cannot be had. */
  const [asked, setAsked] = useState<Language | null>(null);
  const choose = (next: Language) => {
    setAsked(next);
    void setLanguage(next).then(() => setAsked(null));
  };
  return (
    <Choice
      legend={t.language.label}
      hint={t.settings.browser.languageHint}
      options={LANGUAGES.map((each) => [each, languageName(each)])}
      chosen={asked ?? language}
      onChoose={choose}
    />
  );
}

interface ChoiceProps<T extends string> {
  legend: string;
  hint: string;
  options: (readonly [T, string])[];
  chosen: T;
  onChoose: (value: T) => void;
}

function Choice<T extends string>({ legend, hint, options, chosen, onChoose }: ChoiceProps<T>) {
  const name = useId();
  const said = useId();
  return (
    <fieldset className="m-0 min-w-0 border-0 p-0" aria-describedby={said}>
      <legend className="mb-1.5 text-sm font-medium">{legend}</legend>
      <div className="flex flex-wrap gap-2">
        {options.map(([value, label]) => (
          <label key={value} className="button cursor-pointer has-checked:border-accent has-checked:bg-accent-wash has-checked:text-accent">
            <input type="radio" name={name} value={value} checked={value === chosen} onChange={() => onChoose(value)} className="accent-accent" />
            {label}
          </label>
        ))}
      </div>
      <p id={said} className="mt-1.5 text-xs text-faint">
        {hint}
      </p>
    </fieldset>
  );
}

function DeveloperChoice() {
  const t = useMessages();
  const { known, offered, on, setOn } = useDeveloperMode();
  if (!known) return null;
  return (
    <div>
      {offered && (
        <label className="button mb-1.5 cursor-pointer has-checked:border-accent has-checked:bg-accent-wash has-checked:text-accent">
          <input type="checkbox" checked={on} onChange={() => setOn(!on)} className="accent-accent" />
          {t.developer.toggle}
        </label>
      )}
      {!offered && <p className="mb-1.5 text-sm font-medium">{t.developer.toggle}</p>}
      <p className="text-xs text-faint">{offered ? t.settings.browser.developer : t.settings.browser.developerOff}</p>
    </div>
  );
}
