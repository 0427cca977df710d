// The one way to the collector: a typed client over the generated schema, and one error class.
import createClient from "openapi-fetch";
import { fetchEarly } from "./early";
import type { paths } from "./schema";

/** This script's address: it stands in `assets/`, in the folder that the dashboard is served under. */
const SCRIPT_URL: string = import.meta.url;

/** The folder that the dashboard is served under; the collector's calls stand in the same folder. */
export const BASE_URL = import.meta.env.DEV ? new URL("/", SCRIPT_URL) : new URL("..", SCRIPT_URL);

export const client = createClient<paths>({ baseUrl: BASE_URL.href.replace(/\/$/, ""), fetch: fetchEarly });

/** Shows the collector that a change comes from this page: another site's page cannot send it. */
export const PAGE_HEADER = { "AudioSense-Page": "1" };

client.use({
  onRequest({ request }) {
    if (request.method !== "GET") for (const [name, value] of Object.entries(PAGE_HEADER)) request.headers.set(name, value);
    return request;
  },
});

const SIGN_IN = "sign_in";
const listeners = new Set<() => void>();

/** Be told when a call was refused because nobody is signed in any more. */
export function onSignedOut(listener: () => void): void {
  listeners.add(listener);
}

/** A call that the collector refused or that did not reach it; `status` is 0 where there was no answer. */
export class ApiError extends Error {
  readonly status: number;
  /** The problem's type: a stable word, or `about:blank`. */
  readonly kind: string;

  constructor(status: number, message: string, kind = "about:blank") {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.kind = kind;
  }
}

function problemText(problem: unknown): string {
  if (typeof problem !== "object" || problem === null) return "";
  const { detail, title } = problem as { detail?: unknown; title?: unknown };
  if (typeof detail === "string") return detail;
  if (Array.isArray(detail)) {
    return detail.map((item: { loc?: unknown[]; msg?: string }) => `${item.loc?.join(".") ?? ""}: ${item.msg ?? ""}`).join("; ");
  }
  return typeof title === "string" ? title : "";
}

function problemKind(problem: unknown): string | undefined {
  const kind = typeof problem === "object" && problem !== null ? (problem as { type?: unknown }).type : undefined;
  return typeof kind === "string" ? kind : undefined;
}

const NO_CONTENT = 204;

interface Result<T> {
  data?: T | undefined;
  error?: unknown;
  response: Response;
}

/** The data of a call, or an `ApiError` with the problem document's words. */
export async function unwrap<T>(call: Promise<Result<T>>): Promise<T> {
  let result: Result<T>;
  try {
    result = await call;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "");
  }
  const { response, data, error } = result;
  if (!response.ok || (data === undefined && response.status !== NO_CONTENT)) {
    const kind = problemKind(error);
    if (response.status === 401 && kind === SIGN_IN) for (const listener of listeners) listener();
    throw new ApiError(response.status, problemText(error), kind);
  }
  return data as T;
}
