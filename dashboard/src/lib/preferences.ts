// What the user has chosen for this browser: theme, language, developer mode; remembered in localStorage.
import { useSyncExternalStore } from "react";

const PREFIX = "audiosense.";
const listeners = new Set<() => void>();
const memory = new Map<string, string>();

function read(key: string): string | null {
  try {
    return localStorage.getItem(PREFIX + key);
  } catch {
    return memory.get(key) ?? null; // storage is blocked: remembered until the page closes
  }
}

function write(key: string, value: string): void {
  memory.set(key, value);
  try {
    localStorage.setItem(PREFIX + key, value);
  } catch {
    // storage is blocked: the choice holds for this page
  }
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener("storage", listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener("storage", listener);
  };
}

/** A remembered choice, outside of a component. */
export function preferred<T extends string>(key: string, allowed: readonly T[], fallback: T): T {
  const stored = read(key);
  return allowed.find((option) => option === stored) ?? fallback;
}

/** A remembered choice among `allowed`; `fallback` until the user has chosen. */
export function usePreference<T extends string>(
  key: string,
  allowed: readonly T[],
  fallback: T,
): readonly [T, (value: T) => void] {
  const value = useSyncExternalStore(subscribe, () => preferred(key, allowed, fallback));
  return [value, (next) => write(key, next)];
}
