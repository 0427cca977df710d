// What the live stream says, gathered and written to the query cache a few times a second.
import { useSyncExternalStore } from "react";
import { setServerTime } from "@/lib/clock";
import { LiveGaps } from "./live-gaps";
import { applyMeasurements, strangers } from "./live-patches";
import { shareStream } from "./live-share";
import type { Kind, Stream } from "./live-stream";
import { keys } from "./queries";
import { queryClient } from "./query-client";
import { askAgainWhoIsSignedIn } from "./session";
import type { LiveMeasurements } from "./types";

const FLUSH_MS = 250;
/** So old may data become before its loss is told: a page that has just been opened awaits its stream, and most come back at once. */
const TOLD_MS = 4_000;

export interface LiveState {
  /** `connecting` until the first message; `lost` once the stream is down and nothing was heard for `TOLD_MS`. */
  link: "connecting" | "open" | "lost";
  /** When the last message came, this browser's clock, ms; before the first one, when it began to be awaited. */
  lastMessageMs: number;
  /** Whether there has been a message: without one, what is shown was read when the page was opened. */
  heard: boolean;
}

const awaited = (): LiveState => ({ link: "connecting", lastMessageMs: Date.now(), heard: false });
let state: LiveState = awaited();
let stream: Stream | undefined;
let flushTimer: ReturnType<typeof setTimeout> | undefined;
let isDown = false;
let isNew = true;
let tellTimer: ReturnType<typeof setTimeout> | undefined;
let pending: LiveMeasurements[] = [];
let eventsChanged = false;
let modelsChanged = false;
const listeners = new Set<() => void>();
const gaps = new LiveGaps(queryClient);

function setState(next: LiveState): void {
  const changed = next.link !== state.link;
  state = changed ? next : Object.assign(state, next);
  if (changed) for (const listener of listeners) listener();
}

function flush(): void {
  flushTimer = undefined;
  if (pending.length > 0) {
    // A sensor that speaks for the first time brings its card with it.
    if (strangers(queryClient, pending)) void queryClient.invalidateQueries({ queryKey: keys.fleet });
    applyMeasurements(queryClient, pending);
    gaps.heard(pending);
  }
  pending = [];
  if (eventsChanged) void queryClient.invalidateQueries({ queryKey: keys.events });
  if (modelsChanged) {
    void queryClient.invalidateQueries({ queryKey: keys.detectability });
    void queryClient.invalidateQueries({ queryKey: keys.models });
  }
  if (eventsChanged || modelsChanged) {
    void queryClient.invalidateQueries({ queryKey: keys.fleet });
    void queryClient.invalidateQueries({ queryKey: keys.machines });
  }
  eventsChanged = false;
  modelsChanged = false;
}

function touched(): void {
  settle();
  setState({ link: "open", lastMessageMs: Date.now(), heard: true });
  flushTimer ??= setTimeout(flush, FLUSH_MS);
}

function onHello(data: string): void {
  const hello = JSON.parse(data) as { server_time_us: number; resumed?: boolean };
  setServerTime(hello.server_time_us);
  // A stream that comes back without what it missed: read everything shown again.
  if (isDown && !hello.resumed) void queryClient.invalidateQueries();
  else if (isNew) gaps.stands();
  isNew = false;
}

const ON: Record<Kind, (data: string) => void> = {
  hello: onHello,
  measurements: (data) => void pending.push(JSON.parse(data) as LiveMeasurements),
  event: () => void (eventsChanged = true),
  model: () => void (modelsChanged = true),
  resync: () => {
    pending = [];
    void queryClient.invalidateQueries();
  },
};

function onMessage(kind: Kind, data: string): void {
  ON[kind](data);
  touched();
}

/** Nothing is to be told of the stream any more: it is up, or nobody listens. */
function settle(): void {
  isDown = false;
  clearTimeout(tellTimer);
  tellTimer = undefined;
}

function onLost(refused: boolean): void {
  isDown = true;
  const tell = () => setState({ ...state, link: "lost" });
  const leftMs = state.lastMessageMs + TOLD_MS - Date.now();
  if (leftMs <= 0) tell();
  else tellTimer ??= setTimeout(tell, leftMs);
  if (refused) askAgainWhoIsSignedIn();
}

function open(): void {
  if (!state.heard) setState(awaited());
  stream?.close();
  isNew = true;
  stream = shareStream({ onMessage, onLost });
}

function close(): void {
  stream?.close();
  stream = undefined;
}

function onShow(event: PageTransitionEvent): void {
  if (event.persisted) open();
}

/** Hear the stream while somebody is signed in; left with the page, so that one in the back-forward cache holds none. */
export function startLive(): () => void {
  gaps.start();
  open();
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", onShow);
  return () => {
    close();
    gaps.stop();
    settle();
    setState(awaited());
    window.removeEventListener("pagehide", close);
    window.removeEventListener("pageshow", onShow);
  };
}

/** Try now, not when it is time for the next try. */
export function reconnect(): void {
  stream?.reconnect();
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
