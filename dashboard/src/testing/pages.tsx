// Draws a page of the dashboard at an address, with given answers of the collector.
import { QueryClientProvider } from "@tanstack/react-query";
import { createMemoryHistory, createRouter, RouterProvider } from "@tanstack/react-router";
import { act, cleanup, render } from "@testing-library/react";
import { answerWith, SteeredStream } from "./browser";
import { answerOf, type Fill, type Problem, type Route, ROUTES } from "./answers";
import { queryClient } from "@/api/query-client";
import { router } from "@/app/router";
import type { Language } from "@/i18n";

const ID = "0f9d5a57-8f55-4b0e-9a2b-6f8c6a1f7a10";
const DIGEST = "3e".repeat(32);
const SESSION = "/api/v1/session";
const SIGNED_IN = { user: { id: ID, name: "anna", role: "administrator", means: "session" }, demo: false, insecure: false, setup_needed: false };

/** These lead on to another page. */
const DOORS = ["/settings"];

/** Every page, with an id in the place of each parameter: a new page is tested as soon as it has an address. */
export const PAGES: readonly string[] = Object.keys(router.routesByPath)
  .filter((path) => !DOORS.includes(path))
  .map((path) => path.replaceAll("$digest", DIGEST).replaceAll(/\$\w+/g, ID));

/** How the collector is: what it answers with, or how it fails. */
export type State =
  | { is: "answering"; fill: Fill; seed: number }
  | { is: "loading" }
  | { is: "unreachable" }
  | { is: "refusing"; problem: Problem };

const json = (body: unknown, status = 200, type = "application/json") =>
  new Response(JSON.stringify(body), { status, headers: { "Content-Type": type } });

/** Lists that were read in this page: their second part is their last. */
const begun = new Set<string>();

function lastPart(path: string, body: unknown): unknown {
  if (!begun.has(path) || typeof body !== "object" || body === null || !("next" in body)) return body;
  return { ...body, next: null };
}

/** Answers by route, fill and seed: making one from a schema takes longer than drawing many a page. */
const made = new Map<string, unknown>();

function answerOnce(route: Route, fill: Fill, seed: number): unknown {
  const name = `${route.path} ${fill} ${seed}`;
  if (!made.has(name)) made.set(name, answerOf(route, fill, seed));
  return made.get(name);
}

function answer(path: string, state: State): Response | Promise<Response> {
  if (path === SESSION) return json(SIGNED_IN);
  if (state.is === "loading") return new Promise(() => undefined);
  if (state.is === "unreachable") return Promise.reject(new TypeError("Failed to fetch"));
  if (state.is === "refusing") return json(state.problem, state.problem.status, "application/problem+json");
  const route = ROUTES.find(({ matches }) => matches.test(path));
  if (!route) throw new Error(`the dashboard asks for ${path}, which the OpenAPI document does not have`);
  const body = lastPart(path, answerOnce(route, state.fill, state.seed));
  begun.add(path);
  return body === undefined ? new Response(new Uint8Array(8)) : json(body);
}

/** Calls that are under way, and who waits for the last of them. */
let open = 0;
let waiting: (() => void)[] = [];

async function counted(asked: Promise<Response>): Promise<Response> {
  open += 1;
  try {
    return await asked;
  } finally {
    open -= 1;
    if (open === 0) for (const tell of waiting.splice(0)) tell();
  }
}

export async function openPage(path: string, state: State, language: Language = "en"): Promise<HTMLElement> {
  cleanup();
  queryClient.clear();
  queryClient.setDefaultOptions({ queries: { staleTime: 10_000, retry: false } });
  SteeredStream.opened = [];
  begun.clear();
  waiting = [];
  localStorage.setItem("audiosense.language", language);
  answerWith((asked) => {
    const answered = new Promise<Response>((done) => done(answer(asked, state)));
    return state.is === "loading" && asked !== SESSION ? answered : counted(answered);
  });
  const history = createMemoryHistory({ initialEntries: [path] });
  // A router of its own: what is left over from another page would be waited for.
  const own = createRouter({ ...router.options, history });
  const resolved = new Promise<void>((done) => {
    const stop = own.subscribe("onResolved", () => {
      stop();
      done();
    });
  });
  const { container } = render(
    <QueryClientProvider client={queryClient}>
      <RouterProvider router={own} />
    </QueryClientProvider>,
  );
  await act(() => resolved);
  await settled();
  return container;
}

/** Wait until a page has what it asked for. */
export async function settled(): Promise<void> {
  await act(async () => {
    do {
      if (open > 0) await new Promise<void>((done) => waiting.push(done));
      await new Promise((done) => setTimeout(done, 0));
    } while (open > 0);
  });
}
