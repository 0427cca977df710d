// Entry of the dashboard: the query cache, the live stream, the router.
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { type ReactNode, StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { queryClient } from "./api/query-client";
import { router } from "./app/router";
import { loadWords } from "./i18n";
import "./styles.css";

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no element with id root");

/** Shown where no words could be loaded, so in each language. */
const NO_WORDS = [
  ["en", "AudioSense could not be loaded: check the connection, then reload the page."],
  ["es", "AudioSense no se ha podido cargar: compruebe la conexión y vuelva a cargar la página."],
] as const;

const show = (pages: ReactNode) => createRoot(root).render(<StrictMode>{pages}</StrictMode>);

function apologise(): void {
  const lines = NO_WORDS.map(([lang, text]) => Object.assign(document.createElement("p"), { lang, textContent: text, className: "p-4" }));
  document.getElementById("root")?.replaceChildren(...lines);
}

/** In a function: an entry that awaits at its top would be cut into many small files. */
async function start(): Promise<void> {
  if (!(await loadWords())) {
    apologise();
  } else if (import.meta.env.DEV && window.location.pathname.endsWith("/components")) {
    const { ComponentsPage } = await import("./components-page/ComponentsPage");
    show(<ComponentsPage />);
  } else {
    show(
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>,
    );
  }
}

void start();
