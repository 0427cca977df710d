// The frame of the settings: its parts at the left, above them on a phone, and the chosen one.
import { useQuery } from "@tanstack/react-query";
import { Link, Navigate, Outlet, useRouterState } from "@tanstack/react-router";
import { mayAs, sessionQuery } from "@/api/session";
import { useMessages } from "@/i18n";
import { SETTINGS } from "./sections";

export function SettingsPage() {
  const t = useMessages();
  const user = useQuery(sessionQuery).data?.user;
  const routes = useRouterState({ select: ({ matches }) => matches.map(({ fullPath }) => fullPath) });
  if (!user) return null;
  const allowed = SETTINGS.filter(({ role }) => mayAs(user.role, role));
  const shown = SETTINGS.find(({ to }) => routes.includes(to));
  return (
    <div className="lg:grid lg:grid-cols-[13rem_minmax(0,1fr)] lg:gap-x-6">
      <title>{[...(shown ? [shown.label(t.settings.section)] : []), t.settings.title, t.app.name].join(" · ")}</title>
      <h1 className="mb-3 text-xl font-semibold tracking-tight lg:col-span-2">{t.settings.title}</h1>
      <nav aria-label={t.settings.sections} className="-mx-3 mb-4 flex gap-1 overflow-x-auto px-3 py-1 text-sm sm:-mx-5 sm:px-5 lg:mx-0 lg:flex-col lg:self-start lg:overflow-visible lg:p-0">
        {allowed.map(({ to, label }) => (
          <Link
            key={to}
            to={to}
            ref={to === shown?.to ? intoSight : null}
            className="inline-flex shrink-0 min-h-10 items-center py-1.5 rounded-md border border-line px-3 font-medium text-soft hover:text-ink aria-[current=page]:border-accent aria-[current=page]:bg-accent-wash aria-[current=page]:text-accent lg:border-transparent"
          >
            {label(t.settings.section)}
          </Link>
        ))}
      </nav>
      <div className="min-w-0">{!shown || allowed.includes(shown) ? <Outlet /> : <p className="panel p-4 text-sm">{t.settings.refused}</p>}</div>
    </div>
  );
}

/** On a phone the parts are in a row that is moved sideways. */
function intoSight(link: HTMLAnchorElement | null): void {
  link?.scrollIntoView({ block: "nearest", inline: "center" });
}

/** The settings begin with the first part that the role may see. */
export function FirstSection() {
  const user = useQuery(sessionQuery).data?.user;
  const first = SETTINGS.find(({ role }) => user && mayAs(user.role, role));
  return first ? <Navigate to={first.to} replace /> : null;
}
