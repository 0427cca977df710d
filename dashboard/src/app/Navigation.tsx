// The way to every page: links in a row where they fit, else the two that are used most and a menu.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { unreviewedQuery } from "@/api/reviews";
import { mayAs, type SignedIn } from "@/api/session";
import { useMessages } from "@/i18n";
import { useFormat } from "@/lib/use-format";
import { useDeveloperMode } from "./developer-mode";
import { type AppSection, SECTIONS } from "./sections";

const MOST_COUNTED = 99;
const LOOKS = {
  row: "h-10 px-2.5 text-soft hover:text-ink aria-[current=page]:text-ink group",
  menu: "h-11 gap-3 px-3 text-ink hover:bg-raised aria-[current=page]:bg-accent-wash aria-[current=page]:text-accent",
};

/** The pages that the one who is signed in may see. */
function useSections(user: SignedIn): AppSection[] {
  const { offered, on } = useDeveloperMode();
  return SECTIONS.filter(({ role, developer }) => mayAs(user.role, role) && (!developer || (offered && on)));
}

/** `children` is what the menu holds beside pages; without it all pages are in the row. */
export function Navigation({ user, menu }: { user: SignedIn; menu?: (links: ReactNode) => ReactNode }) {
  const t = useMessages();
  const sections = useSections(user);
  const inRow = menu ? sections.filter(({ kept }) => kept) : sections;
  const inMenu = sections.filter((section) => !inRow.includes(section));
  return (
    <nav aria-label={t.app.nav} className="flex flex-1 items-center gap-0.5 text-sm">
      {inRow.map((section) => (
        <NavLink key={section.to} section={section} look="row" />
      ))}
      {menu?.(inMenu.map((section) => <NavLink key={section.to} section={section} look="menu" />))}
    </nav>
  );
}

function NavLink({ section, look }: { section: AppSection; look: keyof typeof LOOKS }) {
  const label = section.label(useMessages());
  const badge = useUnreviewed(section);
  const Glyph = section.icon;
  return (
    <Link
      to={section.to}
      activeOptions={{ exact: section.to === "/", includeSearch: false }}
      aria-label={badge?.spoken ?? label}
      className={`inline-flex items-center rounded-md font-medium whitespace-nowrap ${LOOKS[look]}`}
    >
      {look === "menu" && <Glyph />}
      <span className="group-aria-[current=page]:underline group-aria-[current=page]:decoration-accent group-aria-[current=page]:decoration-2 group-aria-[current=page]:underline-offset-8">{label}</span>{" "}
      {badge && (
        <span data-testid="unreviewed" className="ml-1 rounded-full bg-accent px-1.5 text-2xs leading-4 font-semibold text-accent-ink">
          {badge.shown}
        </span>
      )}
    </Link>
  );
}

/** How many events wait for somebody to judge them. */
function useUnreviewed({ to, label }: AppSection): { shown: string; spoken: string } | undefined {
  const t = useMessages();
  const format = useFormat();
  const count = useQuery({ ...unreviewedQuery, enabled: to === "/review" }).data ?? 0;
  if (to !== "/review" || count === 0) return undefined;
  const text = format.number(count);
  return {
    shown: count > MOST_COUNTED ? `${format.number(MOST_COUNTED)}+` : text,
    spoken: t.review.navUnreviewed(label(t), text),
  };
}
