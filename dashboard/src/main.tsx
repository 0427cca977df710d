// Entry of the dashboard: the query cache, the live stream, the router.
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { type ReactNode, StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { queryClient } from "./api/query-client";
import { router } from "./app/router";
import "./styles.css";

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no element with id root");

const show = (pages: ReactNode) => createRoot(root).render(<StrictMode>{pages}</StrictMode>);

if (import.meta.env.DEV && window.location.pathname.endsWith("/components")) {
  void import("./components-page/ComponentsPage").then(({ ComponentsPage }) => show(<ComponentsPage />));
} else {
  show(
    <QueryClientProvider client={queryClient}>
      <RouterProvider router={router} />
    </QueryClientProvider>,
  );
}
