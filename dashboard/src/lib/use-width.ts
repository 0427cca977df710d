// The width of an element and how far down the page it begins, for lists that draw only what is seen.
import { useLayoutEffect, useState, type RefObject } from "react";

export interface Place {
  width: number;
  /** Pixels from the top of the page. */
  top: number;
}

/** Undefined until the element is there; kept as the page's layout changes. */
export function usePlace(element: RefObject<HTMLElement | null>): Place | undefined {
  const [place, setPlace] = useState<Place>();
  useLayoutEffect(() => {
    const shown = element.current;
    if (!shown) return;
    const measure = () => {
      const { width, top } = shown.getBoundingClientRect();
      const next = { width: Math.floor(width), top: Math.round(top + window.scrollY) };
      setPlace((before) => (before?.width === next.width && before.top === next.top ? before : next));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(shown);
    // What stands above may grow, a banner for one, and moves the list without changing its size.
    observer.observe(document.body);
    return () => observer.disconnect();
  }, [element]);
  return place;
}
