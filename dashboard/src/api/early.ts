// What the client fetches with; no other file may. Answers that public/before.js has asked for before this script was
// there are each taken once, and only while they are new.

declare global {
  interface Window {
    audiosenseEarly?: Map<string, Promise<Response>>;
  }
}

const NEW_MS = 5_000;

/** As `fetch`; an early answer that is none, or a refusal, is asked for again. */
export async function fetchEarly(request: Request): Promise<Response> {
  const early = window.audiosenseEarly?.get(request.url);
  window.audiosenseEarly?.delete(request.url);
  if (early === undefined || request.method !== "GET" || performance.now() > NEW_MS) return fetch(request);
  const answer = await early.catch(() => undefined);
  request.signal.throwIfAborted();
  return answer?.ok === true ? answer : fetch(request);
}
