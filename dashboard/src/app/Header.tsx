// The header: the way to every page, whether data is live, who is signed in, and the choices kept in this browser.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useLive } from "@/api/live";
import { systemQuery } from "@/api/queries";
import { type SignedIn, sessionQuery, useSignOut } from "@/api/session";
import { Logo, SignOutIcon, UserIcon } from "@/components/icons";
import { useMessages } from "@/i18n";
import { useMedia } from "@/lib/use-media";
import { DeveloperToggle, ICON_BUTTON, LanguageButton, ThemeButton } from "./Choices";
import { Navigation } from "./Navigation";
import { NavMenu } from "./NavMenu";
import { useDeveloperMode } from "./developer-mode";

/** Where all pages stand in a row, in either language, with the stream lost and a long name; developer mode has one more. */
const ROOM_FOR_ALL = { without: "(min-width: 1180px)", developer: "(min-width: 1340px)" };

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
        {user ? <Signed user={user} /> : <Appearance />}
      </div>
    </header>
  );
}

function Signed({ user }: { user: SignedIn }) {
  const { offered, on } = useDeveloperMode();
  const wide = useMedia(ROOM_FOR_ALL[offered && on ? "developer" : "without"]);
  if (!wide) return <Narrow user={user} />;
  return (
    <>
      <Navigation user={user} />
      <LiveIndicator />
      <DeveloperToggle />
      <AccountLink user={user} />
      {user.means === "session" && <SignOutButton />}
      <Appearance />
    </>
  );
}

function Appearance() {
  return (
    <div className="ml-auto flex items-center">
      <LanguageButton />
      <ThemeButton />
    </div>
  );
}

/** What does not fit in a row is in a menu; who is signed in and whether data is live stays in sight. */
function Narrow({ user }: { user: SignedIn }) {
  const menu = (links: ReactNode) => (
    <>
      <span className="ml-auto flex items-center">
        <LiveIndicator />
        <AccountLink user={user} />
      </span>
      <NavMenu links={links}>
        <MenuChoices user={user} />
      </NavMenu>
    </>
  );
  return <Navigation user={user} menu={menu} />;
}

function MenuChoices({ user }: { user: SignedIn }) {
  const t = useMessages();
  const { offered } = useDeveloperMode();
  return (
    <div className="flex flex-col text-sm">
      <MenuChoice label={t.language.label} control={<LanguageButton />} />
      <MenuChoice label={t.theme.label} control={<ThemeButton />} />
      {offered && <MenuChoice label={t.developer.toggle} control={<DeveloperToggle />} />}
      {user.means === "session" && <MenuChoice label={t.auth.signOut} control={<SignOutButton />} />}
    </div>
  );
}

function MenuChoice({ label, control }: { label: string; control: ReactNode }) {
  return (
    <div className="flex h-11 items-center justify-between pl-3">
      <span aria-hidden className="text-soft">
        {label}
      </span>
      {control}
    </div>
  );
}

function AccountLink({ user }: { user: SignedIn }) {
  const t = useMessages();
  const label = t.auth.account(user.name, t.auth.role[user.role]);
  return (
    <Link to="/account" aria-label={label} title={label} data-user={user.name} className={`${ICON_BUTTON} gap-1.5 px-2 text-sm`}>
      <UserIcon />
      <span className="hidden max-w-40 truncate md:inline">{user.name}</span>
    </Link>
  );
}

function SignOutButton() {
  const t = useMessages();
  const signOut = useSignOut();
  return (
    <button type="button" aria-label={t.auth.signOut} title={t.auth.signOut} onClick={() => signOut.mutate("here")} className={ICON_BUTTON}>
      <SignOutIcon />
    </button>
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
      <span className="whitespace-nowrap max-[479px]:sr-only">{t.live[link]}</span>
    </span>
  );
}
