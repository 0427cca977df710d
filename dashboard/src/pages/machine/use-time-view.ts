// The view that all charts of a sensor share, and the address that it stands in.
import { getRouteApi } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import type { SeriesWindow } from "@/api/queries";
import type { SensorDetail } from "@/api/types";
import { serverNowUs, useServerNowUs } from "@/lib/clock";
import { firstRange, RANGE_US, type Range, withoutZoom } from "@/lib/ranges";
import { type Shown, TimeView } from "@/lib/time-view";

const route = getRouteApi("/machines/$machineId");
const US = 1e6;
const CHART_PIXELS = 1000;
/** Charts follow a zoom at once; the address, and with it what is read, once it has come to rest. */
const REST_MS = 250;

export interface ChartTime {
  view: TimeView;
  /** What is read: the span in the address. */
  span: SeriesWindow["span"];
  range: Range;
  live: boolean;
  /** Show the newest, and follow the clock again. */
  follow: () => void;
}

/** A span that ends now, moved no more often than a pixel is wide. */
function liveSpan(range: Range, nowUs: number): Shown {
  const length = RANGE_US[range];
  const step = Math.max(US, length / CHART_PIXELS);
  const to = Math.ceil(nowUs / step) * step;
  return { fromS: (to - length) / US, toS: to / US, live: true };
}

export function useTimeView(sensor: SensorDetail): ChartTime {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  // Chosen once: a range that grew by itself while somebody looks at it would be a surprise.
  const [begin] = useState(() => firstRange(sensor.sparkline));
  const range = search.range ?? begin;
  const { from, to } = search;
  const live = from === undefined || to === undefined;
  const [view] = useState(
    () => new TimeView(live ? liveSpan(range, serverNowUs()) : { fromS: from / US, toS: to / US, live: false }, () => serverNowUs() / US),
  );
  const address = useRef({ from, to });
  const written = useRef<typeof address.current>(null);
  useEffect(() => {
    // What this view has written itself may come back late, when more was done meanwhile.
    const own = written.current;
    written.current = null;
    if (own && own.from === from && own.to === to) return;
    address.current = { from, to };
    if (from === undefined || to === undefined) view.set(liveSpan(range, serverNowUs()));
    else view.set({ fromS: from / US, toS: to / US, live: false });
  }, [view, from, to, range]);

  const now = useServerNowUs();
  useEffect(() => {
    if (view.shown.live) view.set(liveSpan(range, now));
  }, [view, range, now]);

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const write = () => {
      const { fromS, toS, live: follows } = view.shown;
      const stands = address.current;
      const next = follows ? { from: undefined, to: undefined } : { from: Math.round(fromS * US), to: Math.round(toS * US) };
      if (next.from === stands.from && next.to === stands.to) return;
      address.current = written.current = next;
      // The first zoom is a step of the browser's history; what follows refines it.
      void navigate({
        search: (old) => (next.from === undefined ? withoutZoom(old) : { ...old, from: next.from, to: next.to }),
        replace: stands.from !== undefined && next.from !== undefined,
        resetScroll: false,
      });
    };
    const stop = view.subscribe(() => {
      clearTimeout(timer);
      timer = setTimeout(write, REST_MS);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [view, navigate]);

  const follow = () => view.set(liveSpan(range, serverNowUs()));
  return { view, range, live, follow, span: live ? { live_us: RANGE_US[range] } : { from_us: from, to_us: to } };
}
