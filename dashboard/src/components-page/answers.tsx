// The page has no collector behind it: what its components read is answered here, what they would change is refused.
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { client } from "@/api/client";
import { type Role, sessionQuery } from "@/api/session";

export const NOW_US = Date.now() * 1000;
export const MINUTE_US = 60_000_000;
export const ID = "0f9d5a57-8f55-4b0e-9a2b-6f8c6a1f7a10";
export const SITE = { id: ID, name: "North hall" };
/** A path that stays without an answer. */
export const NEVER = "never";

const agent = (name: string, seen: number | null) => ({ id: name, name, last_seen_us: seen });
const key = (state: string, agents: unknown[]) => ({ id: ID, state, agents, created_us: NOW_US, expires_us: NOW_US, may_replace: false, uses: 1, used: agents.length });
const job = (status: string, progress: number, error: string | null = null) => ({ id: 1, kind: "train", status, progress, step: "fitting", error, attempts: 1, finished_us: null });
const heard = (id: number, action: string, actor: string) => ({ id, action, actor, address: "10.0.0.7", at_us: NOW_US - id * MINUTE_US, clip_id: ID, sensor_id: ID, detail: {} });

const ANSWERS: Readonly<Record<string, unknown>> = {
  "/api/v1/session": session("administrator"),
  "/api/v1/system": { version: "0.1.0", developer_mode: true },
  "/api/v1/sites": { items: [{ ...SITE, machines: 3 }, { id: "2", name: "Boiler house", machines: 1 }], next: null },
  "/api/v1/enrolment-keys/waiting": key("valid", []),
  "/api/v1/enrolment-keys/enrolled": key("used up", [agent("press line", null), agent("pump house", NOW_US)]),
  "/api/v1/enrolment-keys/expired": key("expired", []),
  "/api/v1/jobs/1": job("doing", 0.4),
  "/api/v1/jobs/2": job("succeeded", 1),
  "/api/v1/jobs/3": job("failed", 0.2, "only 12 windows were heard, 40 are needed; wait until more are there"),
  "/api/v1/clip-audit?clip=heard": { items: [heard(1, "listened", "anna"), heard(2, "viewed", "ben")], next: null },
  "/api/v1/clip-audit?clip=none": { items: [], next: null },
};

function session(role: Role) {
  return { user: { id: ID, name: "anna", role, means: "session" }, demo: false, insecure: false, setup_needed: false };
}

const json = (body: unknown, status: number) =>
  new Response(JSON.stringify(body), { status, headers: { "Content-Type": status < 400 ? "application/json" : "application/problem+json" } });

/** From here on no call leaves the page. */
export function answerCalls(): void {
  client.use({
    onRequest({ request, schemaPath, params }) {
      if (request.method !== "GET") return json({ type: "about:blank", status: 503, title: "Unavailable", detail: "No collector is behind this page." }, 503);
      const path = Object.entries(params.path ?? {}).reduce((whole, [name, value]) => whole.replace(`{${name}}`, String(value)), schemaPath);
      const clip: unknown = params.query?.clip;
      const answer = ANSWERS[typeof clip === "string" ? `${path}?clip=${clip}` : path];
      if (path.endsWith(NEVER)) return new Promise<Response>(() => undefined);
      return answer === undefined ? json({ type: "not_found", status: 404, title: "Not found", detail: path }, 404) : json(answer, 200);
    },
  });
}

/** What is within is seen by somebody with a role, in a demo or without encryption. */
export function As({ role = "administrator", children, ...modes }: { role?: Role; demo?: boolean; insecure?: boolean; children: ReactNode }) {
  const [cache] = useState(() => {
    const made = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, retry: false, refetchOnWindowFocus: false } } });
    made.setQueryData(sessionQuery.queryKey, { ...session(role), ...modes });
    return made;
  });
  return <QueryClientProvider client={cache}>{children}</QueryClientProvider>;
}
