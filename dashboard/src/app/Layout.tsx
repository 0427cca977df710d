// The frame of every page: header, banners, main content; in its place the sign-in page where nobody is signed in.
import { useQuery } from "@tanstack/react-query";
import { Outlet, useRouterState } from "@tanstack/react-router";
import { useEffect } from "react";
import { startLive } from "@/api/live";
import { sessionQuery } from "@/api/session";
import { ErrorState } from "@/components/ErrorState";
import { useLanguageOnDocument, useMessages } from "@/i18n";
import { SignInPage } from "@/pages/signin/SignInPage";
import { Header } from "./Header";
import { LiveBanner } from "./LiveBanner";
import { ModeBanners } from "./ModeBanners";
import { useThemeOnDocument } from "./theme";

export const SETUP_PATH = "/setup";

export function Layout() {
  const t = useMessages();
  useThemeOnDocument();
  useLanguageOnDocument();
  return (
    <div className="flex min-h-dvh flex-col">
      <a
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          document.getElementById("main")?.focus();
        }}
        className="button absolute top-2 left-2 z-50 -translate-y-20 focus:translate-y-0"
      >
        {t.app.skip}
      </a>
      <Header />
      <ModeBanners />
      <Live />
      <main id="main" tabIndex={-1} className="mx-auto w-full max-w-[1500px] flex-1 px-3 py-4 outline-none sm:px-5 sm:py-5">
        <Content />
      </main>
    </div>
  );
}

function Live() {
  const session = useQuery(sessionQuery);
  const signedIn = Boolean(session.data?.user);
  useEffect(() => (signedIn ? startLive() : undefined), [signedIn]);
  return signedIn ? <LiveBanner /> : null;
}

/** The address stays while somebody signs in, so that one is back where one was. */
function Content() {
  const session = useQuery(sessionQuery);
  const settingUp = useRouterState({ select: ({ matches }) => matches.some(({ routeId }) => routeId === SETUP_PATH) });
  if (!session.data) {
    return session.isError ? <ErrorState error={session.error} onRetry={() => void session.refetch()} /> : null;
  }
  return session.data.user || settingUp ? <Outlet /> : <SignInPage session={session.data} />;
}
