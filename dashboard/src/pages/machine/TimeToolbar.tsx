// Chooses the span of time: presets that follow the clock, steps for those who cannot drag, how old the newest data is.
import { getRouteApi, Link } from "@tanstack/react-router";
import { type ReactNode, useSyncExternalStore } from "react";
import type { SensorDetail } from "@/api/types";
import { ArrowIcon, MinusIcon, PlusIcon } from "@/components/icons";
import { useMessages } from "@/i18n";
import { useServerNowUs } from "@/lib/clock";
import { RANGES, withoutZoom } from "@/lib/ranges";
import { useFormat } from "@/lib/use-format";
import { moveBy, zoomBy } from "./move";
import type { ChartTime } from "./use-time-view";

const route = getRouteApi("/machines/$machineId");
const STALE_WINDOWS = 6;
const STALE_US = 60e6;

interface Props {
  time: ChartTime;
  sensor: SensorDetail;
  onRange: (range: (typeof RANGES)[number]) => void;
}

export function TimeToolbar({ time, sensor, onRange }: Props) {
  const t = useMessages();
  const { range, view, follow } = time;
  const { live } = useSyncExternalStore(view.subscribe, () => view.shown);
  return (
    <div className="flex flex-wrap items-center gap-2">
      <nav aria-label={t.machine.range} className="flex max-w-full overflow-x-auto rounded-md border border-line bg-surface text-sm">
        {RANGES.map((each) => (
          <Link
            key={each}
            from={route.id}
            to="/machines/$machineId"
            search={(old) => ({ ...withoutZoom(old), range: each })}
            resetScroll={false}
            aria-current={live && each === range ? "true" : undefined}
            className={`inline-flex h-9 items-center border-l border-line px-2.5 whitespace-nowrap -outline-offset-2 first:border-l-0 pointer-coarse:h-11 ${live && each === range ? "bg-accent-wash font-medium text-accent underline decoration-2 underline-offset-4" : "text-soft hover:bg-raised"}`}
          >
            {t.machine.ranges[each]}
          </Link>
        ))}
      </nav>
      <div role="group" aria-label={t.view.move} className="flex rounded-md border border-line bg-surface">
        <Step label={t.view.earlier} onClick={() => moveBy(time, -1)}>
          <ArrowIcon way="left" />
        </Step>
        <Step label={t.view.zoomOut} onClick={() => zoomBy(time, "out", onRange)}>
          <MinusIcon />
        </Step>
        <Step label={t.view.zoomIn} onClick={() => zoomBy(time, "in", onRange)}>
          <PlusIcon />
        </Step>
        <Step label={t.view.later} onClick={() => moveBy(time, 1)} disabled={live}>
          <ArrowIcon way="right" />
        </Step>
      </div>
      {!live && (
        <Link from={route.id} to="/machines/$machineId" search={withoutZoom} resetScroll={false} className="button" onClick={follow}>
          {t.machine.toLive}
        </Link>
      )}
      <Age sensor={sensor} live={live} />
    </div>
  );
}

interface StepProps {
  label: string;
  onClick: () => void;
  disabled?: boolean;
  children: ReactNode;
}

function Step({ label, onClick, disabled = false, children }: StepProps) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      disabled={disabled}
      onClick={onClick}
      className="inline-flex size-9 items-center justify-center border-l border-line text-soft -outline-offset-2 first:border-l-0 hover:bg-raised disabled:text-line-strong pointer-coarse:size-11"
    >
      {children}
    </button>
  );
}

/** How old the newest window is: it ends when it is heard. */
function Age({ sensor, live }: { sensor: SensorDetail; live: boolean }) {
  const t = useMessages();
  const format = useFormat();
  const now = useServerNowUs();
  if (sensor.last_heard_us === null) return null;
  const windowUs = sensor.window_s * 1e6;
  const age = Math.max(0, now - sensor.last_heard_us - windowUs);
  const stale = age > Math.max(STALE_US, STALE_WINDOWS * windowUs);
  const text = t.view.age(format.duration(age));
  return (
    <span data-age={stale ? "stale" : "fresh"} className={`text-xs ${stale ? "font-medium text-fault" : "text-faint"}`}>
      <span aria-hidden>{stale ? "◆ " : live ? "● " : "‖ "}</span>
      {live ? text : `${t.view.held}; ${text}`}
    </span>
  );
}
