// The review: events that wait for a verdict, one of them open with its sound, and a bar to say what it was.
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { readSound, useRefreshAudit } from "@/api/clips";
import { queueQuery, type Verdict } from "@/api/reviews";
import { useMay } from "@/api/session";
import { EmptyState } from "@/components/EmptyState";
import { ErrorState } from "@/components/ErrorState";
import { SkeletonPanels } from "@/components/Skeleton";
import { useMessages } from "@/i18n";
import { REVIEWED } from "@/lib/review-search";
import { SoundDeck } from "@/lib/sound-deck";
import { useFormat } from "@/lib/use-format";
import { ActionBar } from "./ActionBar";
import { CardSound, type View } from "./CardSound";
import { cardId, EventCard } from "./EventCard";
import { KeyHelp } from "./KeyHelp";
import { ReviewFilters } from "./ReviewFilters";
import { Saved } from "./Saved";
import { useJudging } from "./use-judging";
import { useKeys } from "./use-keys";
import type { Said } from "./VerdictForm";

const route = getRouteApi("/review");

/** The list has changed by then. */
function focusCard(eventId: string): void {
  requestAnimationFrame(() => {
    const card = document.getElementById(cardId(eventId));
    card?.focus({ preventScroll: true });
    card?.scrollIntoView({ block: "nearest" });
  });
}

export function ReviewPage() {
  const t = useMessages();
  const format = useFormat();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { show = "unreviewed", order = "newest", site, machine } = search;
  const queue = useInfiniteQuery(queueQuery({ order, reviewed: REVIEWED[show], site, machine }));
  const events = queue.data?.pages.flatMap((page) => page.items) ?? [];
  const unreviewed = queue.data?.pages[0]?.unreviewed;
  const place = Math.max(0, events.findIndex((event) => event.id === search.event));
  const current = events[place];
  const refreshAudit = useRefreshAudit();
  const [deck] = useState(() => new SoundDeck(readSound, refreshAudit));
  useEffect(() => () => deck.close(), [deck]);
  const [view, setView] = useState<View>("a");
  const [asking, setAsking] = useState<Verdict | null>(null);
  const [helping, setHelping] = useState(false);
  const [marked, setMarked] = useState<ReadonlySet<string>>(new Set());
  const judging = useJudging();
  const may = useMay("operator");

  const selected = events.filter((event) => marked.has(event.id)).map((event) => event.id);
  const meant = selected.length > 0 ? selected : current ? [current.id] : [];
  const open = (eventId: string | undefined) => {
    if (eventId !== current?.id) setView("a");
    void navigate({ search: ({ event: _before, ...rest }) => (eventId === undefined ? rest : { ...rest, event: eventId }), replace: true, resetScroll: false });
    if (eventId !== undefined) focusCard(eventId);
  };
  const step = (by: number) => {
    const next = events[place + by];
    if (next) open(next.id);
    if (by > 0 && place + by >= events.length - 3 && queue.hasNextPage) void queue.fetchNextPage();
  };
  const look = (next: View) => {
    if (next === "b" && !deck.has("b")) return;
    setView(next);
    if (next !== "difference") deck.choose(next);
  };
  const mark = (eventId: string, on: boolean) => {
    setMarked((before) => {
      const after = new Set(before);
      if (on) after.add(eventId);
      else after.delete(eventId);
      return after;
    });
  };
  const say = async (said: Said) => {
    // What comes after those that leave the list, else what stands before them.
    const stays = (event: { id: string }) => !meant.includes(event.id);
    const next = meant.includes(current?.id ?? "") ? (events.slice(place + 1).find(stays) ?? events.findLast(stays)) : current;
    try {
      await judging.judge(said, meant);
    } catch {
      return; // the bar says why, and what was chosen stays
    }
    setAsking(null);
    setMarked(new Set());
    if (show === "unreviewed") open(next?.id);
    else if (current) focusCard(current.id);
  };
  const takeBack = async () => {
    setAsking(null);
    try {
      const [first] = (await judging.takeBack()) ?? [];
      if (first !== undefined) open(first);
    } catch {
      // the bar says why
    }
  };
  const ask = (verdict: Verdict) => () => {
    if (may && meant.length > 0) setAsking(verdict);
  };
  useKeys({
    j: () => step(1),
    k: () => step(-1),
    " ": () => deck.toggle(),
    a: () => look("a"),
    b: () => look("b"),
    d: () => deck.has("b") && look("difference"),
    l: () => deck.setLoop(!deck.snapshot().loop),
    c: ask("confirmed"),
    f: ask("false_alarm"),
    e: ask("expected"),
    u: () => may && void takeBack(),
    x: () => current && mark(current.id, !marked.has(current.id)),
    "?": () => setHelping(true),
  });

  return (
    <div className="mx-auto flex min-h-[calc(100dvh-5.5rem)] max-w-5xl flex-col">
      <title>{`${t.review.title} · ${t.app.name}`}</title>
      <div className="flex items-start justify-between gap-3">
        <div>
          <h1 className="text-xl font-semibold tracking-tight">{t.review.title}</h1>
          <p className="mb-2 text-sm text-faint sm:mb-3">
            {unreviewed !== undefined && <span className="font-medium text-soft">{t.review.unreviewed(unreviewed, format.number(unreviewed))}. </span>}
            <span className="max-sm:hidden">{t.review.lead}</span>
          </p>
        </div>
        <button type="button" aria-keyshortcuts="?" className="button hidden [@media(hover:hover)]:inline-flex" onClick={() => setHelping(true)}>
          {t.review.keys.open} <kbd aria-hidden className="key">?</kbd>
        </button>
      </div>
      <ReviewFilters search={search} onChange={(next) => void navigate({ search: () => next, replace: true })} />
      {queue.isError && !queue.data && <ErrorState error={queue.error} onRetry={() => void queue.refetch()} />}
      {queue.isPending && (
        <div className="flex flex-col gap-2">
          <SkeletonPanels count={4} className="h-10" />
        </div>
      )}
      {queue.isSuccess && events.length === 0 && (
        <div className="panel">
          {show === "unreviewed" && !site && !machine ? (
            <EmptyState title={t.review.empty}>{t.review.emptyHint}</EmptyState>
          ) : (
            <EmptyState title={t.review.emptyFiltered}>{t.review.emptyFilteredHint}</EmptyState>
          )}
        </div>
      )}
      {events.length > 1 && (
        <label className="mb-1 flex min-h-9 w-fit cursor-pointer items-center text-sm text-soft">
          <span className="flex min-w-11 justify-center">
            <input
              type="checkbox"
              className="size-4 accent-(--accent)"
              checked={selected.length === events.length}
              onChange={(change) => setMarked(new Set(change.target.checked ? events.map((event) => event.id) : []))}
            />
          </span>
          {t.review.selectAll}
        </label>
      )}
      <ul aria-label={t.review.list} className="flex flex-col gap-2 pb-3">
        {events.map((event) => (
          <EventCard
            key={event.id}
            event={event}
            open={event === current}
            selected={marked.has(event.id)}
            onOpen={() => open(event.id)}
            onSelect={(on) => mark(event.id, on)}
          >
            <CardSound eventId={event.id} deck={deck} view={view} onView={look} />
          </EventCard>
        ))}
      </ul>
      {queue.hasNextPage && (
        <button type="button" className="button mt-3 self-start" disabled={queue.isFetchingNextPage} onClick={() => void queue.fetchNextPage()}>
          {t.review.more}
        </button>
      )}
      <ActionBar
        asking={asking}
        onAsk={setAsking}
        onSay={(said) => void say(said)}
        count={meant.length}
        selected={selected.length}
        onClear={() => setMarked(new Set())}
        saving={judging.saving}
      >
        <Saved said={judging.told} error={judging.error} mayUndo={judging.mayUndo} onUndo={() => void takeBack()} onClose={judging.forget} />
      </ActionBar>
      {helping && <KeyHelp onClose={() => setHelping(false)} />}
    </div>
  );
}
