// The events that are listed, and the one that is open: it stands in the page's address.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { eventQuery, queueQuery } from "@/api/reviews";
import { REVIEWED, type ReviewSearch, withoutEvent } from "@/lib/review-search";
import { cardId } from "./card-id";

const route = getRouteApi("/review");
/** So many before its end the list is read on. */
const AHEAD = 3;

/** The list has changed by then. */
export function focusCard(eventId: string): void {
  requestAnimationFrame(() => {
    const card = document.getElementById(cardId(eventId));
    card?.focus({ preventScroll: true });
    card?.scrollIntoView({ block: "nearest" });
  });
}

export function useQueue() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { show = "unreviewed", order = "newest", site, machine } = search;
  const query = useInfiniteQuery(queueQuery({ order, reviewed: REVIEWED[show], site, machine }));
  const listed = query.data?.pages.flatMap((page) => page.items) ?? [];
  // A link to an event holds however far down the list it is, and whatever has been said of it since.
  const isLost = search.event !== undefined && query.isSuccess && !listed.some((event) => event.id === search.event);
  const linked = useQuery({ ...eventQuery(search.event ?? ""), enabled: isLost });
  const events = isLost && linked.data ? [linked.data, ...listed] : listed;
  const place = Math.max(0, events.findIndex((event) => event.id === search.event));

  const open = (eventId: string | undefined) => {
    const event = eventId === undefined ? {} : { event: eventId };
    void navigate({ search: (old) => ({ ...withoutEvent(old), ...event }), replace: true, resetScroll: false });
    if (eventId !== undefined) focusCard(eventId);
  };
  return {
    search,
    show,
    query,
    events,
    /** None while the linked one is read: another's sound would be fetched, and stand in the log of listening. */
    current: isLost && linked.isPending ? undefined : events[place],
    /** Why the linked event cannot be shown. */
    lost: isLost && linked.isError ? { error: linked.error, retry: () => void linked.refetch() } : null,
    /** What may be opened next. */
    beside: [events[place + 1], events[place - 1]].flatMap((event) => (event ? [event.id] : [])),
    unreviewed: query.data?.pages[0]?.unreviewed,
    open,
    change: (next: ReviewSearch) => void navigate({ search: () => next, replace: true }),
    step: (by: number) => {
      const next = events[place + by];
      if (next) open(next.id);
      if (by > 0 && place + by >= events.length - AHEAD && query.hasNextPage) void query.fetchNextPage();
    },
    /** What is open once some events have left the list: the next one, else the one before. */
    after: (gone: readonly string[]) => {
      const stays = (event: { id: string }) => !gone.includes(event.id);
      return events.slice(place).find(stays) ?? events.findLast(stays);
    },
  };
}

export type Queue = ReturnType<typeof useQueue>;
