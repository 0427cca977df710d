// Which of the listed events are marked, to be judged together.
import { useState } from "react";
import type { EventOut } from "@/api/types";

export function useSelection(events: readonly EventOut[]) {
  const [marked, setMarked] = useState<ReadonlySet<string>>(new Set());
  const mark = (eventId: string, on: boolean) => {
    setMarked((before) => {
      const after = new Set(before);
      if (on) after.add(eventId);
      else after.delete(eventId);
      return after;
    });
  };
  return {
    marked,
    /** In the order of the list; what left the list is not among them. */
    selected: events.filter((event) => marked.has(event.id)).map((event) => event.id),
    mark,
    toggle: (eventId: string) => mark(eventId, !marked.has(eventId)),
    markAll: (on: boolean) => setMarked(new Set(on ? events.map((event) => event.id) : [])),
  };
}
