// The collector's time, as this browser knows it, and a tick that lets "4 s ago" update by itself.
import { useSyncExternalStore } from "react";

/** By more than this no answer is late: the browser's clock was set. */
const LATE_US = 10e6;

let offsetUs = 0;
let known = false;
let tickMs = Date.now();
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

/**
 * Remember how far this browser's clock is from the collector's, who wrote this time just now or a little earlier: of all
 * it wrote, what was least late tells best.
 */
export function setServerTime(serverTimeUs: number): void {
  const foundUs = serverTimeUs - Date.now() * 1000;
  if (known && foundUs < offsetUs && offsetUs - foundUs < LATE_US) return;
  offsetUs = foundUs;
  known = true;
}

/** The collector's time now, UTC microseconds. */
export function serverNowUs(): number {
  return Date.now() * 1000 + offsetUs;
}

/** A moment of this browser's clock (ms) by the collector's clock (UTC microseconds). */
export function toServerUs(browserMs: number): number {
  return browserMs * 1000 + offsetUs;
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    tickMs = Date.now();
    for (const each of listeners) each();
  }, 1000);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** The collector's time in UTC microseconds, anew each second. */
export function useServerNowUs(): number {
  return useSyncExternalStore(subscribe, () => tickMs) * 1000 + offsetUs;
}
