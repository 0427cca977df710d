// Keys of a page: single letters that are left alone wherever somebody writes or a control has a use for them.
import { useEffect, useLayoutEffect, useRef } from "react";

const SPACE = " ";

/** Whether a key belongs to what has the focus, not to the page. */
function isTaken(event: KeyboardEvent): boolean {
  const { target, key } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return true;
  if (!(target instanceof HTMLElement) || document.querySelector("dialog[open]")) return document.querySelector("dialog[open]") !== null;
  if (target instanceof HTMLInputElement && ["checkbox", "range"].includes(target.type)) return key === SPACE;
  if (target.matches("input, select, textarea, [contenteditable]")) return true;
  return key === SPACE && target.matches("button, a, summary");
}

/** A button that was pressed by pointer keeps no key: who goes on by keys means the page. */
function letGo(event: MouseEvent): void {
  const { activeElement } = document;
  if (event.detail > 0 && activeElement instanceof HTMLButtonElement && !activeElement.closest("dialog")) activeElement.blur();
}

export function useKeys(actions: Readonly<Record<string, () => void>>): void {
  const latest = useRef(actions);
  useLayoutEffect(() => {
    latest.current = actions;
  });
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const action = latest.current[event.key.toLowerCase()];
      if (!action || isTaken(event)) return;
      event.preventDefault();
      action();
    };
    window.addEventListener("keydown", onKey);
    window.addEventListener("click", letGo);
    return () => {
      window.removeEventListener("keydown", onKey);
      window.removeEventListener("click", letGo);
    };
  }, []);
}
