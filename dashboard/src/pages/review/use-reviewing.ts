// The review as a whole: what is listed, heard and marked, what is being asked, and what keys and buttons do with it.
import { useState } from "react";
import { useAskAhead } from "@/api/clips";
import type { Verdict } from "@/api/reviews";
import { useMay } from "@/api/session";
import { useJudging } from "./use-judging";
import { useKeys } from "./use-keys";
import { useListening } from "./use-listening";
import { focusCard, useQueue } from "./use-queue";
import { useSelection } from "./use-selection";
import type { Said } from "./VerdictForm";

export function useReviewing() {
  const may = useMay("operator");
  const queue = useQueue();
  const { current } = queue;
  useAskAhead(queue.beside, may);
  const listening = useListening(current?.id);
  const selection = useSelection(queue.events);
  const judging = useJudging();
  const [asking, setAsking] = useState<Verdict | null>(null);
  const [helping, setHelping] = useState(false);
  const meant = selection.selected.length > 0 ? selection.selected : current ? [current.id] : [];

  const say = async (said: Said) => {
    const next = queue.after(meant);
    try {
      await judging.judge(said, meant);
    } catch {
      return; // the bar says why, and what was chosen stays
    }
    setAsking(null);
    selection.markAll(false);
    if (queue.show === "unreviewed") queue.open(next?.id);
    else if (current) focusCard(current.id);
  };
  const takeBack = async () => {
    setAsking(null);
    try {
      const [first] = (await judging.takeBack()) ?? [];
      if (first !== undefined) queue.open(first);
    } catch {
      // the bar says why
    }
  };
  const ask = (verdict: Verdict) => () => {
    if (may && meant.length > 0) setAsking(verdict);
  };
  const { deck, look } = listening;
  useKeys({
    j: () => queue.step(1),
    k: () => queue.step(-1),
    " ": () => deck.toggle(),
    a: () => look("a"),
    b: () => look("b"),
    d: () => look("difference"),
    l: () => deck.setLoop(!deck.snapshot().loop),
    c: ask("confirmed"),
    f: ask("false_alarm"),
    e: ask("expected"),
    u: () => {
      if (may) void takeBack();
    },
    x: () => {
      if (current) selection.toggle(current.id);
    },
    "?": () => setHelping(true),
  });
  return { queue, listening, selection, judging, meant, asking, setAsking, helping, setHelping, say, takeBack };
}
