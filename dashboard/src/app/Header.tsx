// The header: where you are, whether data is live, and the choices kept in this browser.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useLive } from "@/api/live";
import { systemQuery } from "@/api/queries";
import { unreviewedQuery } from "@/api/reviews";
import { type SignedIn, sessionQuery, useSignOut } from "@/api/session";
import { AgentsIcon, CodeIcon, ContrastIcon, Logo, MoonIcon, ReviewIcon, SignOutIcon, SunIcon, SystemIcon, UserIcon } from "@/components/icons";
import { LANGUAGES, useLanguage, useMessages } from "@/i18n";
import { useFormat } from "@/lib/use-format";
import { useDeveloperMode } from "./developer-mode";
import { THEMES, useTheme } from "./theme";

const MOST_COUNTED = 99;
const ICON_BUTTON = "inline-flex h-10 min-w-10 items-center justify-center rounded-md text-soft hover:bg-raised hover:text-ink";

export function Header() {
  const t = useMessages();
  const user = useQuery(sessionQuery).data?.user;
  return (
    <header className="sticky top-0 z-20 border-b border-line bg-surface">
      <div className="mx-auto flex h-12 max-w-[1500px] items-center gap-1 px-3 sm:gap-2 sm:px-5">
        <Link to="/" className="mr-1 flex items-center gap-2 rounded-md font-semibold tracking-tight sm:mr-4">
          <Logo />
          <span className={user ? "sr-only min-[560px]:not-sr-only" : ""}>{t.app.name}</span>
        </Link>
        {user && <Navigation />}
        <div className="ml-auto flex items-center">
          {user && <LiveIndicator />}
          {user && <DeveloperToggle />}
          {user && <UserMenu user={user} />}
          <LanguageButton />
          <ThemeButton />
        </div>
      </div>
    </header>
  );
}

function Navigation() {
  const t = useMessages();
  const { offered, on } = useDeveloperMode();
  return (
    <nav aria-label={t.app.nav} className="flex items-center gap-1 text-sm">
      <NavLink to="/" label={t.app.home} />
      <ReviewLink />
      <NavLink to="/agents" label={t.agents.title} icon={<AgentsIcon />} />
      {offered && on && <NavLink to="/developer" label={t.developer.title} icon={<CodeIcon />} />}
    </nav>
  );
}

/** With how many events wait for somebody to judge them. */
function ReviewLink() {
  const t = useMessages();
  const format = useFormat();
  const count = useQuery(unreviewedQuery).data ?? 0;
  const text = format.number(count);
  const shown = count > MOST_COUNTED ? `${format.number(MOST_COUNTED)}+` : text;
  return (
    <NavLink
      to="/review"
      label={t.review.title}
      spoken={count > 0 ? t.review.navUnreviewed(t.review.title, text) : t.review.title}
      icon={<ReviewIcon />}
      badge={count > 0 ? shown : undefined}
    />
  );
}

/** Who is signed in, and the way out; on a phone that is on the account's page. */
function UserMenu({ user }: { user: SignedIn }) {
  const t = useMessages();
  const signOut = useSignOut();
  const label = t.auth.account(user.name, t.auth.role[user.role]);
  return (
    <>
      <Link to="/account" aria-label={label} title={label} data-user={user.name} className={`${ICON_BUTTON} gap-1.5 px-2 text-sm`}>
        <UserIcon />
        <span className="hidden max-w-40 truncate md:inline">{user.name}</span>
      </Link>
      {user.means === "session" && (
        <button
          type="button"
          aria-label={t.auth.signOut}
          title={t.auth.signOut}
          onClick={() => signOut.mutate("here")}
          className={`${ICON_BUTTON} max-sm:hidden`}
        >
          <SignOutIcon />
        </button>
      )}
    </>
  );
}

interface NavLinkProps {
  to: "/" | "/review" | "/agents" | "/developer";
  label: string;
  /** What screen readers say in place of the label. */
  spoken?: string;
  badge?: string | undefined;
  /** Stands for the label where there is no room for it. */
  icon?: ReactNode;
}

function NavLink({ to, label, spoken = label, icon, badge }: NavLinkProps) {
  return (
    <Link
      to={to}
      activeOptions={{ exact: to === "/", includeSearch: false }}
      aria-label={spoken}
      title={icon ? spoken : undefined}
      className="inline-flex h-10 items-center rounded-md px-1.5 sm:px-2.5 font-medium text-soft hover:text-ink aria-[current=page]:text-ink aria-[current=page]:underline aria-[current=page]:decoration-accent aria-[current=page]:decoration-2 aria-[current=page]:underline-offset-8"
    >
      {icon && <span className="border-b-2 border-transparent pb-0.5 in-aria-[current=page]:border-accent sm:hidden" aria-hidden>{icon}</span>}
      <span className={icon ? "hidden sm:inline" : ""}>{label}</span>{" "}
      {badge && (
        <span data-testid="unreviewed" className="ml-1 rounded-full bg-accent px-1.5 text-2xs leading-4 font-semibold text-accent-ink">
          {badge}
        </span>
      )}
    </Link>
  );
}

function LiveIndicator() {
  const t = useMessages();
  const { link } = useLive();
  const system = useQuery(systemQuery);
  return (
    <span role="status" title={system.data ? `AudioSense ${system.data.version}` : undefined} className="mr-1 flex items-center gap-1.5 px-1 text-xs text-faint">
      <span
        aria-hidden
        className={`size-2 rounded-full border-2 ${link === "open" ? "border-accent bg-accent" : link === "lost" ? "border-fault" : "border-line-strong"}`}
      />
      <span className="max-[479px]:sr-only">{t.live[link]}</span>
    </span>
  );
}

function DeveloperToggle() {
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
      <span className="hidden sm:inline">
        <CodeIcon />
      </span>
      <span aria-hidden className={`flex h-4 w-7 items-center rounded-full border px-0.5 ${on ? "justify-end border-accent bg-accent-wash" : "border-line-strong"}`}>
        <span className={`size-2.5 rounded-full ${on ? "bg-accent" : "bg-line-strong"}`} />
      </span>
    </button>
  );
}

function LanguageButton() {
  const t = useMessages();
  const [language, setLanguage] = useLanguage();
  const next = LANGUAGES[(LANGUAGES.indexOf(language) + 1) % LANGUAGES.length] ?? "en";
  const name = new Intl.DisplayNames([next], { type: "language" }).of(next) ?? next;
  return (
    <button
      type="button"
      lang={next}
      aria-label={`${next.toUpperCase()} – ${t.language.label}: ${name}`}
      title={name}
      onClick={() => setLanguage(next)}
      className={`${ICON_BUTTON} text-xs font-semibold uppercase`}
    >
      {next}
    </button>
  );
}

function ThemeButton() {
  const t = useMessages();
  const { theme, setTheme } = useTheme();
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "system";
  return (
    <button type="button" aria-label={t.theme.next(t.theme[theme])} title={t.theme.next(t.theme[theme])} onClick={() => setTheme(next)} className={ICON_BUTTON}>
      {theme === "light" ? <SunIcon /> : theme === "dark" ? <MoonIcon /> : theme === "contrast" ? <ContrastIcon /> : <SystemIcon />}
    </button>
  );
}
