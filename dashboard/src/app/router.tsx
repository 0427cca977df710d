// Pages and their addresses. Each page is loaded when first opened.
import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import { agentQuery, agentsQuery } from "@/api/agents";
import { BASE_URL } from "@/api/client";
import { modelQuery } from "@/api/models";
import { fleetQuery, machineQuery, systemQuery } from "@/api/queries";
import { queryClient } from "@/api/query-client";
import { sessionQuery } from "@/api/session";
import { NotFound, PageError } from "@/components/ErrorState";
import { DIGEST, named } from "@/lib/named";
import { parseAuditSearch } from "@/lib/audit-search";
import { parseAnalysisSearch } from "@/lib/analysis-search";
import { parseAgentsSearch } from "@/lib/agent-list";
import { parseFleetSearch } from "@/lib/fleet-search";
import { parseMachineSearch, parseReportSearch } from "@/lib/ranges";
import { parseCompareSearch, parseModelsSearch } from "@/lib/models-search";
import { parsePlantSearch } from "@/lib/plant-search";
import { parseReviewSearch } from "@/lib/review-search";
import { parseStartSearch } from "@/lib/start-search";
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
  loader: ({ params }) => {
    const id = named(params.machineId);
    warm(() => queryClient.query(machineQuery(id)));
  },
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
  loader: ({ params }) => {
    const id = named(params.machineId);
    warm(() => queryClient.query(machineQuery(id)));
  },
});

const developerRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/developer",
  component: lazyRouteComponent(() => import("@/pages/developer/DeveloperPage"), "DeveloperPage"),
});

const analyseRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/analyse",
  component: lazyRouteComponent(() => import("@/pages/analyse/AnalysePage"), "AnalysePage"),
});

const analysisRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/analyse/$analysisId",
  validateSearch: parseAnalysisSearch,
  component: lazyRouteComponent(() => import("@/pages/analyse/AnalysisPage"), "AnalysisPage"),
  loader: ({ params }) => void named(params.analysisId),
});

const agentsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/agents",
  validateSearch: parseAgentsSearch,
  component: lazyRouteComponent(() => import("@/pages/agents/AgentsPage"), "AgentsPage"),
  loader: () => warm(() => queryClient.query(agentsQuery)),
});

// Models
const modelsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/models",
  validateSearch: parseModelsSearch,
  component: lazyRouteComponent(() => import("@/pages/models/ModelsPage"), "ModelsPage"),
});

const compareModelsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/models/compare",
  validateSearch: parseCompareSearch,
  component: lazyRouteComponent(() => import("@/pages/models/ComparePage"), "ComparePage"),
});

const modelRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/models/$digest",
  component: lazyRouteComponent(() => import("@/pages/models/ModelPage"), "ModelPage"),
  loader: ({ params }) => {
    const id = named(params.digest, DIGEST);
    warm(() => queryClient.query(modelQuery(id)));
  },
});

const agentRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/agents/$agentId",
  component: lazyRouteComponent(() => import("@/pages/agents/AgentPage"), "AgentPage"),
  loader: ({ params }) => {
    const id = named(params.agentId);
    warm(() => queryClient.query(agentQuery(id)));
  },
});

const addAgentRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/agents/add",
  validateSearch: ({ key }: Record<string, unknown>): { key?: string } => (typeof key === "string" && key !== "" ? { key } : {}),
  component: lazyRouteComponent(() => import("@/pages/agents/AddAgentPage"), "AddAgentPage"),
});

const startRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/start",
  validateSearch: parseStartSearch,
  component: lazyRouteComponent(() => import("@/pages/start/StartPage"), "StartPage"),
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
    path: "/people",
    component: lazyRouteComponent(() => import("@/pages/settings/people/PeopleSettings"), "PeopleSettings"),
  }),
  createRoute({
    getParentRoute: () => settingsRoute,
    path: "/tokens",
    component: lazyRouteComponent(() => import("@/pages/settings/tokens/TokenSettings"), "TokenSettings"),
  }),
  createRoute({
    getParentRoute: () => settingsRoute,
    path: "/audit",
    validateSearch: parseAuditSearch,
    component: lazyRouteComponent(() => import("@/pages/settings/audit/AuditSettings"), "AuditSettings"),
  }),
  createRoute({
    getParentRoute: () => settingsRoute,
    path: "/browser",
    component: lazyRouteComponent(() => import("@/pages/settings/BrowserSettings"), "BrowserSettings"),
  }),
  createRoute({
    getParentRoute: () => settingsRoute,
    path: "plant",
    validateSearch: parsePlantSearch,
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
    modelsRoute,
    compareModelsRoute,
    modelRoute,
    analyseRoute,
    analysisRoute,
    agentsRoute,
    settingsRoute.addChildren(settingsRoutes),
    developerRoute,
    agentRoute,
    addAgentRoute,
    startRoute,
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
