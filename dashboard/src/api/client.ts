// The one way to the collector: a typed client over the generated schema, and one error class.
import createClient from "openapi-fetch";
import type { paths } from "./schema";

/** This script's address: it stands in `assets/`, in the folder that the dashboard is served under. */
const SCRIPT_URL: string = import.meta.url;

/** The folder that the dashboard is served under; the collector's calls stand in the same folder. */
export const BASE_URL = import.meta.env.DEV ? new URL("/", SCRIPT_URL) : new URL("..", SCRIPT_URL);

export const client = createClient<paths>({ baseUrl: BASE_URL.href.replace(/\/$/, "") });

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
  if (!result.response.ok || result.data === undefined) {
    throw new ApiError(result.response.status, problemText(result.error), problemKind(result.error));
  }
  return result.data;
}
