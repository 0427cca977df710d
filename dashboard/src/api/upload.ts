// The one upload that tells how far it is: fetch cannot. Refusals are told as by every other call.
import { ApiError, BASE_URL, PAGE_HEADER, unwrap } from "./client";

const DONE = 4;

/** Send a form; `onSent` is told the share that is sent, and 1 when the collector works on it. */
export function upload<T>(path: `/api/v1/${string}`, form: FormData, onSent: (share: number) => void, signal: AbortSignal): Promise<T> {
  const request = new XMLHttpRequest();
  const call = new Promise<{ data?: T; error?: unknown; response: Response }>((resolve, reject) => {
    request.open("POST", `${BASE_URL.href.replace(/\/$/, "")}${path}`);
    for (const [name, value] of Object.entries(PAGE_HEADER)) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded, total }) => onSent(total > 0 ? loaded / total : 0);
    request.upload.onload = () => onSent(1);
    request.onerror = () => reject(new ApiError(0, ""));
    request.onabort = () => reject(new DOMException("aborted", "AbortError"));
    request.onload = () => {
      const response = new Response(null, { status: request.status });
      const body = parse(request);
      resolve(response.ok ? { data: body as T, response } : { error: body, response });
    };
    signal.addEventListener("abort", () => {
      if (request.readyState !== DONE) request.abort();
    });
    request.send(form);
  });
  return unwrap(call);
}

function parse(request: XMLHttpRequest): unknown {
  try {
    return JSON.parse(request.responseText) as unknown;
  } catch {
    return undefined;
  }
}
