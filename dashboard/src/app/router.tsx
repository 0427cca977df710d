// Pages and their addresses. Each page is loaded when first opened.
import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import { agentsQuery } from "@/api/agents";
import { BASE_URL } from "@/api/client";
import { fleetQuery, machineQuery, systemQuery } from "@/api/queries";
import { queryClient } from "@/api/query-client";
import { sessionQuery } from "@/api/session";
import { NotFound, PageError } from "@/components/ErrorState";
import { parseFleetSearch } from "@/lib/fleet-search";
import { parseMachineSearch, parseReportSearch } from "@/lib/ranges";
import { parseReviewSearch } from "@/lib/review-search";
import { FleetPage } from "@/pages/fleet/FleetPage";
import { Layout, SETUP_PATH } from "./Layout";

/** Reading has begun before the page is there, if somebody is signed in; the page itself shows an error. */
function warm(read: () => Promise<unknown>): void {
  queryClient
    .query(sessionQuery)
    .then(({ user }) => (user ? read() : undefined))
    .catch(() => undefined);
}

const rootRoute = createRootRoute({
  component: Layout,
  errorComponent: PageError,
  notFoundComponent: NotFound,
  loader: () => warm(() => queryClient.query(systemQuery)),
});

const fleetRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/",
  validateSearch: parseFleetSearch,
  component: FleetPage,
  loader: () => warm(() => queryClient.query(fleetQuery)),
});

const machineRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/machines/$machineId",
  validateSearch: parseMachineSearch,
  component: lazyRouteComponent(() => import("@/pages/machine/MachinePage"), "MachinePage"),
  loader: ({ params }) => warm(() => queryClient.query(machineQuery(params.machineId))),
});

const reviewRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/review",
  validateSearch: parseReviewSearch,
  component: lazyRouteComponent(() => import("@/pages/review/ReviewPage"), "ReviewPage"),
});

const reportRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/machines/$machineId/report",
  validateSearch: parseReportSearch,
  component: lazyRouteComponent(() => import("@/pages/report/ReportPage"), "ReportPage"),
  loader: ({ params }) => warm(() => queryClient.query(machineQuery(params.machineId))),
});

const developerRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/developer",
  component: lazyRouteComponent(() => import("@/pages/developer/DeveloperPage"), "DeveloperPage"),
});

const agentsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/agents",
  component: lazyRouteComponent(() => import("@/pages/agents/AgentsPage"), "AgentsPage"),
  loader: () => warm(() => queryClient.query(agentsQuery)),
});

const accountRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/account",
  component: lazyRouteComponent(() => import("@/pages/account/AccountPage"), "AccountPage"),
});

const settingsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/settings",
  component: lazyRouteComponent(() => import("@/pages/settings/SettingsPage"), "SettingsPage"),
});

const settingsRoutes = [
  createRoute({
    getParentRoute: () => settingsRoute,
    path: "/",
    component: lazyRouteComponent(() => import("@/pages/settings/SettingsPage"), "FirstSection"),
  }),
  createRoute({
    getParentRoute: () => settingsRoute,
    path: "/browser",
    component: lazyRouteComponent(() => import("@/pages/settings/BrowserSettings"), "BrowserSettings"),
  }),
  createRoute({
    getParentRoute: () => settingsRoute,
    path: "plant",
    component: lazyRouteComponent(() => import("@/pages/settings/PlantSettings"), "PlantSettings"),
  }),
  createRoute({
    getParentRoute: () => settingsRoute,
    path: "policies",
    component: lazyRouteComponent(() => import("@/pages/settings/PolicySettings"), "PolicySettings"),
  }),
] as const;

/** Its link holds a secret behind the #, which browsers send nowhere. */
const setupRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: SETUP_PATH,
  component: lazyRouteComponent(() => import("@/pages/signin/SetupPage"), "SetupPage"),
});

export const router = createRouter({
  routeTree: rootRoute.addChildren([
    fleetRoute,
    machineRoute,
    reportRoute,
    reviewRoute,
    agentsRoute,
    settingsRoute.addChildren(settingsRoutes),
    developerRoute,
    accountRoute,
    setupRoute,
  ]),
  basepath: BASE_URL.pathname,
  defaultPreload: "intent",
  scrollRestoration: true,
  defaultErrorComponent: PageError,
  defaultNotFoundComponent: NotFound,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
