// Playback of the file that this page sent: a button, where it stands, and the cursor over the charts.
import { useEffect, useRef, useSyncExternalStore } from "react";
import { useMessages } from "@/i18n";
import { elapsedTime } from "@/lib/format";
import { useFormat } from "@/lib/use-format";
import type { ChartsShared } from "./AnalysisCharts";
import type { Player } from "./player";

/** Where charts have their plots: the panel's edge, its padding and the axis; the other side's padding and edge. */
const PLOT_LEFT_PX = 81;
const PLOT_RIGHT_PX = 21;
const STILL_MS = 250;

export function PlayBar({ player, durationS }: { player: Player; durationS: number }) {
  const t = useMessages();
  const format = useFormat();
  const playing = useSyncExternalStore(player.subscribe, player.playing);
  const failed = useSyncExternalStore(player.subscribe, player.failed);
  const slider = useRef<HTMLInputElement>(null);
  const told = useRef<HTMLSpanElement>(null);
  useFrames(player, () => {
    const at = player.positionS();
    if (slider.current && document.activeElement !== slider.current) slider.current.value = String(at);
    if (told.current) told.current.textContent = elapsedTime(format, at);
  });
  if (!player.present) return <p className="text-sm text-faint">{t.analyse.noSound}</p>;
  return (
    <div role="group" aria-label={t.analyse.sound} className="panel flex flex-wrap items-center gap-3 px-3 py-2 print:hidden">
      <button type="button" className="button" data-playing={playing} onClick={() => player.toggle()}>
        {playing ? t.analyse.pause : t.analyse.play}
      </button>
      <input
        ref={slider}
        type="range"
        min={0}
        max={durationS}
        step={0.1}
        defaultValue={0}
        aria-label={t.analyse.position}
        className="min-w-32 flex-1 accent-accent"
        onChange={(event) => player.seek(Number(event.target.value))}
      />
      <span className="text-sm text-soft">
        <span ref={told}>{elapsedTime(format, 0)}</span> / {elapsedTime(format, durationS)}
      </span>
      {failed && (
        <p role="alert" className="basis-full text-sm text-alarm">
          {t.analyse.cannotPlay}
        </p>
      )}
    </div>
  );
}

/** The line is moved past React: it changes with every frame. */
export function PlayCursor({ player, range }: { player: Player; range: ChartsShared["range"] }) {
  const line = useRef<HTMLSpanElement>(null);
  useFrames(player, () => {
    const element = line.current;
    if (!element) return;
    const at = player.positionS();
    const [from, to] = "subscribe" in range ? [range.shown.fromS, range.shown.toS] : range;
    const share = (at - from) / (to - from || 1);
    element.hidden = !(at > 0 || player.playing()) || share < 0 || share > 1;
    element.style.left = `calc(${PLOT_LEFT_PX}px + (100% - ${PLOT_LEFT_PX + PLOT_RIGHT_PX}px) * ${share})`;
  });
  if (!player.present) return null;
  return <span ref={line} hidden data-play-cursor className="pointer-events-none absolute inset-y-0 z-10 w-0.5 bg-accent print:hidden" />;
}

/** Runs as often as the screen is drawn while it plays, and after each jump; seldom where motion is not wanted. */
function useFrames(player: Player, draw: () => void): void {
  const latest = useRef(draw);
  useEffect(() => {
    latest.current = draw;
  });
  useEffect(() => {
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    let frame = 0;
    let last = -STILL_MS;
    const step = (nowMs: number) => {
      if (!still || nowMs - last >= STILL_MS) {
        last = nowMs;
        latest.current();
      }
      frame = player.playing() ? requestAnimationFrame(step) : 0;
    };
    const start = () => {
      cancelAnimationFrame(frame);
      last = -STILL_MS;
      frame = requestAnimationFrame(step);
    };
    const stop = player.subscribe(start);
    return () => {
      stop();
      cancelAnimationFrame(frame);
    };
  }, [player]);
}
