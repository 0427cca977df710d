// Saying what events were and taking it back, in the order in which it was said.
import { useState } from "react";
import { useReview, useUndo } from "@/api/reviews";
import { useMessages } from "@/i18n";
import { useFormat } from "@/lib/use-format";
import type { Said } from "./VerdictForm";

interface Done {
  verdicts: number[];
  events: string[];
}

export function useJudging() {
  const t = useMessages();
  const format = useFormat();
  const review = useReview();
  const undo = useUndo();
  const [done, setDone] = useState<Done[]>([]);
  const [told, setTold] = useState<string | null>(null);

  const judge = async (said: Said, events: string[]) => {
    undo.reset();
    const { entries } = await review.mutateAsync({ ...said, events });
    setDone((before) => [...before, { verdicts: entries.map((entry) => entry.id), events }]);
    const what = `${t.review.verdictLong[said.verdict]}, ${t.review.cause[said.cause]}`;
    setTold(t.review.said(what, events.length, format.number(events.length)));
  };

  /** Take back what was said last; returns the events, or null where nothing is left to take back. */
  const takeBack = async (): Promise<string[] | null> => {
    const last = done.at(-1);
    review.reset();
    if (!last) {
      setTold(t.review.nothingToUndo);
      return null;
    }
    // Taken back or refused, it is not to be tried again: somebody else has judged meanwhile.
    setDone((before) => before.slice(0, -1));
    await undo.mutateAsync(last.verdicts);
    setTold(t.review.undone);
    return last.events;
  };

  return {
    judge,
    takeBack,
    told,
    forget: () => setTold(null),
    mayUndo: done.length > 0,
    saving: review.isPending || undo.isPending,
    error: review.error ?? undo.error,
  };
}
