// The live stream: one EventSource for the page, its messages gathered and written to the query cache a few times a second.
import { useSyncExternalStore } from "react";
import { setServerTime } from "@/lib/clock";
import { BASE_URL } from "./client";
import { applyMeasurements } from "./live-patches";
import { keys } from "./queries";
import { queryClient } from "./query-client";
import { askAgainWhoIsSignedIn } from "./session";
import type { LiveMeasurements } from "./types";

const FLUSH_MS = 250;
const RETRY_MS = [1_000, 2_000, 4_000, 8_000];

export interface LiveState {
  /** `connecting` until the first message; `lost` while the stream is down. */
  link: "connecting" | "open" | "lost";
  /** When the last message came, this browser's clock, ms. */
  lastMessageMs: number;
}

let state: LiveState = { link: "connecting", lastMessageMs: Date.now() };
let source: EventSource | undefined;
let retries = 0;
let retryTimer: ReturnType<typeof setTimeout> | undefined;
let flushTimer: ReturnType<typeof setTimeout> | undefined;
let pending: LiveMeasurements[] = [];
let eventsChanged = false;
let modelsChanged = false;
const listeners = new Set<() => void>();

function setState(next: LiveState): void {
  const changed = next.link !== state.link;
  state = changed ? next : Object.assign(state, next);
  if (changed) for (const listener of listeners) listener();
}

function flush(): void {
  flushTimer = undefined;
  if (pending.length > 0) applyMeasurements(queryClient, pending);
  pending = [];
  if (eventsChanged) void queryClient.invalidateQueries({ queryKey: keys.events });
  if (modelsChanged) void queryClient.invalidateQueries({ queryKey: keys.detectability });
  if (eventsChanged || modelsChanged) {
    void queryClient.invalidateQueries({ queryKey: keys.fleet });
    void queryClient.invalidateQueries({ queryKey: keys.machines });
  }
  eventsChanged = false;
  modelsChanged = false;
}

function touched(): void {
  setState({ link: "open", lastMessageMs: Date.now() });
  flushTimer ??= setTimeout(flush, FLUSH_MS);
}

function onHello(message: MessageEvent<string>): void {
  const hello = JSON.parse(message.data) as { server_time_us: number; resumed?: boolean };
  setServerTime(hello.server_time_us);
  retries = 0;
  // A stream that comes back without what it missed: read everything shown again.
  if (state.link === "lost" && !hello.resumed) void queryClient.invalidateQueries();
  touched();
}

function onError(): void {
  setState({ ...state, link: "lost" });
  // The browser reconnects by itself after a dropped connection, but never after an answer that is no stream.
  if (source?.readyState !== EventSource.CLOSED) return;
  askAgainWhoIsSignedIn();
  clearTimeout(retryTimer);
  retryTimer = setTimeout(open, RETRY_MS[Math.min(retries, RETRY_MS.length - 1)]);
  retries += 1;
}

function open(): void {
  source?.close();
  source = new EventSource(new URL("api/v1/live", BASE_URL));
  source.addEventListener("hello", onHello);
  source.addEventListener("measurements", (message: MessageEvent<string>) => {
    pending.push(JSON.parse(message.data) as LiveMeasurements);
    touched();
  });
  source.addEventListener("event", () => {
    eventsChanged = true;
    touched();
  });
  source.addEventListener("model", () => {
    modelsChanged = true;
    touched();
  });
  source.addEventListener("resync", () => {
    pending = [];
    void queryClient.invalidateQueries();
    touched();
  });
  source.onerror = onError;
}

function close(): void {
  clearTimeout(retryTimer);
  source?.close();
  source = undefined;
}

function onShow(event: PageTransitionEvent): void {
  if (event.persisted) open();
}

/** Open the stream while somebody is signed in; closed with the page, so that one in the back-forward cache holds none. */
export function startLive(): () => void {
  open();
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", onShow);
  return () => {
    close();
    setState({ link: "connecting", lastMessageMs: Date.now() });
    window.removeEventListener("pagehide", close);
    window.removeEventListener("pageshow", onShow);
  };
}

/** Close the stream and open a new one now. */
export function reconnect(): void {
  clearTimeout(retryTimer);
  open();
}

export function useLive(): LiveState {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => state,
  );
}
