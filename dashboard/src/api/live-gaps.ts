// An answer tells how things stood when it was asked for; what the stream has said since then is written onto it again.
//
// Pages ask before their stream stands (public/before.js even before the application is there), and while an answer is
// on its way the stream goes on: it would be lost until the next window of that sensor, or the next reading of the page.
import type { Query, QueryClient } from "@tanstack/react-query";
import { applyMeasurements } from "./live-patches";
import { keys } from "./queries";
import type { LiveMeasurements } from "./types";

/** So long after the first word of a stream, what was asked for before it is read again: not while the page is built. */
const SETTLE_MS = 1_000;
/** So long an answer may take and still be brought up to date. */
const KEEP_MS = 10_000;
const KEEP_MESSAGES = 5_000;
/** Charts of longer spans have points of minutes; they are read again soon enough. */
const FINE_SPAN_US = 3_600e6;

const PATCHED: readonly string[] = [keys.fleet[0], keys.machines[0], keys.series[0]];

const spanOf = (query: Query): unknown => query.queryKey[2];

function isPatched(query: Query): boolean {
  const [kind] = query.queryKey;
  return typeof kind === "string" && PATCHED.includes(kind);
}

function isReadAgain(query: Query): boolean {
  const [kind] = query.queryKey;
  if (kind === keys.events[0]) return true;
  if (!isPatched(query)) return false;
  const span = spanOf(query);
  return kind !== keys.series[0] || (typeof span === "object" && span !== null && "live_us" in span && Number(span.live_us) <= FINE_SPAN_US);
}

export class LiveGaps {
  private recent: { atMs: number; message: LiveMeasurements }[] = [];
  private readonly askedMs = new WeakMap<Query, number>();
  private readonly cache: QueryClient;
  private unsubscribe: (() => void) | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(cache: QueryClient) {
    this.cache = cache;
  }

  start(): void {
    this.stop();
    this.unsubscribe = this.cache.getQueryCache().subscribe((change) => {
      const query = change.query as Query;
      if (change.type !== "updated" || !isPatched(query)) return;
      if (change.action.type === "fetch") this.askedMs.set(query, Date.now());
      if (change.action.type === "success" && change.action.manual !== true) this.bringUpToDate(query);
    });
  }

  stop(): void {
    this.unsubscribe?.();
    clearTimeout(this.timer);
    this.recent = [];
  }

  /** These have been written to what is cached now. */
  heard(messages: readonly LiveMeasurements[]): void {
    const atMs = Date.now();
    for (const message of messages) this.recent.push({ atMs, message });
    const kept = this.recent.findIndex((each) => each.atMs > atMs - KEEP_MS);
    this.recent.splice(0, Math.max(kept, this.recent.length - KEEP_MESSAGES));
  }

  /** A stream stands of which nothing was heard so far. */
  stands(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.cache.invalidateQueries({ predicate: isReadAgain }), SETTLE_MS);
  }

  private bringUpToDate(query: Query): void {
    const asked = this.askedMs.get(query) ?? 0;
    const since = this.recent.flatMap(({ atMs, message }) => (atMs >= asked ? [message] : []));
    if (since.length > 0) queueMicrotask(() => applyMeasurements(this.cache, since));
  }
}
