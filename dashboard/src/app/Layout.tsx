// The frame of every page: header, banner when the live stream is down, main content.
import { Outlet } from "@tanstack/react-router";
import { useEffect } from "react";
import { useLanguage, useMessages } from "@/i18n";
import { Header } from "./Header";
import { LiveBanner } from "./LiveBanner";
import { useThemeOnDocument } from "./theme";

export function Layout() {
  const t = useMessages();
  const [language] = useLanguage();
  useThemeOnDocument();
  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);
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
      <LiveBanner />
      <main id="main" tabIndex={-1} className="mx-auto w-full max-w-[1500px] flex-1 px-3 py-4 outline-none sm:px-5 sm:py-5">
        <Outlet />
      </main>
    </div>
  );
}
