// One deck for the whole page, and which of its pictures is shown of which event.
import { useEffect, useState } from "react";
import { readSound, useRefreshAudit } from "@/api/clips";
import { SoundDeck } from "@/lib/sound-deck";
import type { View } from "./CardSound";

export function useListening(eventId: string | undefined) {
  const refreshAudit = useRefreshAudit();
  const [deck] = useState(() => new SoundDeck(readSound, refreshAudit));
  useEffect(() => () => deck.close(), [deck]);
  const [chosen, setChosen] = useState<{ eventId: string | undefined; view: View }>({ eventId, view: "a" });
  return {
    deck,
    /** Another event begins with its own sound. */
    view: chosen.eventId === eventId ? chosen.view : "a",
    look: (view: View) => {
      if (view !== "a" && !deck.has("b")) return;
      setChosen({ eventId, view });
      if (view !== "difference") deck.choose(view);
    },
  };
}
