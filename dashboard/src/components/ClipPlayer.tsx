// The buttons of a sound: play, loop, speed, gain; what is heard and where it stands is the deck's.
import { useId, useSyncExternalStore } from "react";
import { useMessages } from "@/i18n";
import { SPEEDS, type SoundDeck } from "@/lib/sound-deck";
import { useFormat } from "@/lib/use-format";
import { LoopIcon, PauseIcon, PlayIcon } from "./icons";

const LEAST_DB = -12;
const MOST_DB = 30;
const STEP_DB = 3;

export function ClipPlayer({ deck }: { deck: SoundDeck }) {
  const t = useMessages();
  const format = useFormat();
  const state = useSyncExternalStore(deck.subscribe, deck.snapshot);
  const gainId = useId();
  return (
    <div data-player={state.loading ? "loading" : state.playing ? "playing" : "still"} className="flex flex-wrap items-center gap-2">
      <button type="button" className="button button-primary min-w-24" aria-keyshortcuts="Space" onClick={() => deck.toggle()}>
        {state.playing ? <PauseIcon /> : <PlayIcon />}
        {state.playing ? t.review.sound.pause : t.review.sound.play}
      </button>
      <button
        type="button"
        aria-pressed={state.loop}
        aria-keyshortcuts="L"
        className={`button ${state.loop ? "border-accent bg-accent-wash" : ""}`}
        onClick={() => deck.setLoop(!state.loop)}
      >
        <LoopIcon />
        {t.review.sound.loop}
        <span aria-hidden>{state.loop ? "✓" : "–"}</span>
      </button>
      <label className="flex items-center gap-1.5">
        <span className="label">{t.review.sound.speed}</span>
        <select className="field" value={state.speed} onChange={(event) => deck.setSpeed(Number(event.target.value))}>
          {SPEEDS.map((speed) => (
            <option key={speed} value={speed}>
              {new Intl.NumberFormat(format.locale).format(speed)}×
            </option>
          ))}
        </select>
      </label>
      <div className="flex min-h-9 grow items-center gap-1.5 sm:grow-0">
        <label htmlFor={gainId} className="label">
          {t.review.sound.gain}
        </label>
        <input
          id={gainId}
          type="range"
          className="h-9 min-w-24 grow accent-(--accent)"
          min={LEAST_DB}
          max={MOST_DB}
          step={STEP_DB}
          value={state.gainDb}
          aria-valuetext={format.withUnit(state.gainDb, 0, t.unit.db)}
          onChange={(event) => deck.setGain(Number(event.target.value))}
        />
        <span className="w-14 text-right text-xs text-soft">{format.withUnit(state.gainDb, 0, t.unit.db)}</span>
      </div>
      <span role="status" className="sr-only">
        {state.loading ? t.review.sound.loading : ""}
      </span>
      {state.failed && (
        <p role="alert" className="basis-full text-sm text-alarm">
          {t.review.sound.failed}
        </p>
      )}
    </div>
  );
}
