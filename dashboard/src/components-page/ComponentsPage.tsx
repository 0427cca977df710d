// Every component in every state, in each theme and language: `make dashboard-dev`, then /components. No build has it.
import { createMemoryHistory, createRootRoute, createRouter, RouterProvider } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { THEMES, useTheme, useThemeOnDocument } from "@/app/theme";
import { Logo } from "@/components/icons";
import { LANGUAGES, languageName, useLanguage, useLanguageOnDocument, useMessages } from "@/i18n";
import { answerCalls, As } from "./answers";
import { CHARTS } from "./charts";
import { CONTROLS } from "./controls";
import { type Entry, type Group, nameOf } from "./gallery";
import { MODELS } from "./machines";
import { MESSAGES } from "./messages";
import { STATES } from "./states";

export const GROUPS: readonly Group[] = [STATES, CONTROLS, MESSAGES, CHARTS, MODELS];

const SETTLED_MS = 500;
const anchorOf = (entry: Entry) => nameOf(entry).replace(/\W+.*$/, "").toLowerCase();

/** Links of components lead nowhere: the address stays that of this page. */
export function ComponentsPage() {
  const [router] = useState(() => {
    answerCalls();
    return createRouter({ routeTree: createRootRoute({ component: Page }), history: createMemoryHistory() });
  });
  return (
    <As>
      <RouterProvider router={router} />
    </As>
  );
}

function Page() {
  useThemeOnDocument();
  useLanguageOnDocument();
  useEffect(() => {
    // Forms and questions take the focus, each from the one before.
    if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
    const scroll = () => (document.getElementById(window.location.hash.slice(1)) ?? document.body).scrollIntoView();
    scroll();
    // Charts above it have their height a moment later, and the browser would go back to where it was.
    window.history.scrollRestoration = "manual";
    const later = setTimeout(scroll, SETTLED_MS);
    return () => clearTimeout(later);
  }, []);
  return (
    <>
      <title>Components · AudioSense</title>
      <header className="sticky top-0 z-20 border-b border-line bg-surface">
        <div className="mx-auto flex max-w-[1500px] flex-wrap items-center gap-x-4 gap-y-2 px-3 py-2 sm:px-5">
          <h1 className="mr-auto flex items-center gap-2 font-semibold tracking-tight">
            <Logo />
            Components
          </h1>
          <Languages />
          <Themes />
        </div>
      </header>
      <div className="mx-auto max-w-[1500px] px-3 py-4 sm:px-5 lg:grid lg:grid-cols-[13rem_minmax(0,1fr)] lg:gap-x-8">
        <aside className="mb-4 lg:sticky lg:top-20 lg:max-h-[calc(100dvh-6rem)] lg:self-start lg:overflow-y-auto">
          <Contents />
        </aside>
        <main className="flex min-w-0 flex-col gap-10">
          {GROUPS.map((group) => (
            <section key={group.id} id={group.id} aria-label={group.title} className="flex scroll-mt-20 flex-col gap-4">
              <h2 className="text-lg font-semibold tracking-tight">{group.title}</h2>
              {group.entries.map((entry) => (
                <Shown key={anchorOf(entry)} entry={entry} />
              ))}
            </section>
          ))}
        </main>
      </div>
    </>
  );
}

const CHOICE = "inline-flex min-h-9 items-center rounded-md px-2.5 text-sm text-soft hover:text-ink aria-pressed:bg-accent-wash aria-pressed:font-medium aria-pressed:text-accent aria-pressed:underline aria-pressed:underline-offset-4";

function Themes() {
  const t = useMessages();
  const { theme, setTheme } = useTheme();
  return (
    <div role="group" aria-label={t.theme.label} className="flex flex-wrap">
      {THEMES.map((each) => (
        <button key={each} type="button" aria-pressed={theme === each} className={CHOICE} onClick={() => setTheme(each)}>
          {t.theme[each]}
        </button>
      ))}
    </div>
  );
}

function Languages() {
  const t = useMessages();
  const [language, setLanguage] = useLanguage();
  return (
    <div role="group" aria-label={t.language.label} className="flex">
      {LANGUAGES.map((each) => (
        <button key={each} type="button" lang={each} aria-pressed={language === each} className={CHOICE} onClick={() => void setLanguage(each)}>
          {languageName(each)}
        </button>
      ))}
    </div>
  );
}

/** At the side where there is room, else folded above. */
function Contents() {
  const list = (
    <ul className="flex flex-col gap-3 text-sm">
      {GROUPS.map((group) => (
        <li key={group.id}>
          <a href={`#${group.id}`} className="inline-block min-h-7 font-semibold hover:underline">
            {group.title}
          </a>
          <ul className="mt-1 border-l border-line pl-3">
            {group.entries.map((entry) => (
              <li key={anchorOf(entry)}>
                <a href={`#${anchorOf(entry)}`} className="block min-h-7 py-0.5 text-soft hover:text-ink hover:underline">
                  {nameOf(entry)}
                </a>
              </li>
            ))}
          </ul>
        </li>
      ))}
    </ul>
  );
  return (
    <>
      <nav aria-label="Components" className="hidden lg:block">
        {list}
      </nav>
      <details className="panel p-3 lg:hidden">
        <summary className="min-h-7 font-medium">All components</summary>
        <nav aria-label="All components" className="mt-2">
          {list}
        </nav>
      </details>
    </>
  );
}

const ROOM = {
  little: "grid grid-cols-[repeat(auto-fill,minmax(8.5rem,1fr))] gap-x-4 gap-y-4",
  some: "grid gap-x-6 gap-y-5 sm:grid-cols-[repeat(auto-fill,minmax(19rem,1fr))]",
  all: "flex flex-col gap-4",
};

function Shown({ entry }: { entry: Entry }) {
  const anchor = anchorOf(entry);
  return (
    <section id={anchor} aria-label={nameOf(entry)} data-component={nameOf(entry)} className="panel scroll-mt-20 p-4">
      <h3 className="mb-3 font-mono text-sm font-semibold">
        <a href={`#${anchor}`} className="hover:underline">
          {nameOf(entry)}
        </a>
      </h3>
      <div className={ROOM[entry.room ?? "some"]}>
        {Object.entries(entry.states).map(([state, drawn]) => (
          <div key={state} data-shown={state} className="flex min-w-0 flex-col gap-1.5">
            <p className="label">{state}</p>
            <div className="min-w-0">{drawn}</div>
          </div>
        ))}
      </div>
    </section>
  );
}
