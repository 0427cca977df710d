// What the review page shows, kept in its address so that it can be copied; what is wrong in it is left out.

export const SHOWN = ["unreviewed", "reviewed", "all"] as const;
export type Shown = (typeof SHOWN)[number];
export const ORDERS = ["newest", "worst"] as const;

export interface ReviewSearch {
  show?: Shown;
  order?: (typeof ORDERS)[number];
  site?: string;
  machine?: string;
  event?: string;
}

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

export function parseReviewSearch(raw: Record<string, unknown>): ReviewSearch {
  const search: ReviewSearch = {};
  const show = SHOWN.find((each) => each === raw.show);
  const order = ORDERS.find((each) => each === raw.order);
  if (show) search.show = show;
  if (order) search.order = order;
  for (const name of ["site", "machine", "event"] as const) {
    const value = raw[name];
    if (typeof value === "string" && UUID.test(value)) search[name] = value;
  }
  return search;
}

/** Whether an event is listed by what has been said of it. */
export const REVIEWED: Record<Shown, boolean | undefined> = { unreviewed: false, reviewed: true, all: undefined };

export function withoutEvent(search: ReviewSearch): ReviewSearch {
  const rest = { ...search };
  delete rest.event;
  return rest;
}

/** The same events of all machines. */
export function withoutPlace(search: ReviewSearch): ReviewSearch {
  const rest = { ...search };
  delete rest.site;
  delete rest.machine;
  return rest;
}
