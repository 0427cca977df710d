// The sound of an event beside the machine's normal sound, to compare them by ear; the review shows them, too.
import { useRef, useState } from "react";
import { type Clip, clipUrl, useRefreshAudit } from "@/api/clips";
import { NeedsRole } from "@/components/NeedsRole";
import { SoundLog } from "@/components/SoundLog";
import { useMessages } from "@/i18n";
import { useFormat } from "@/lib/use-format";

export function EventSound({ clip }: { clip: Clip }) {
  const t = useMessages();
  const format = useFormat();
  const [open, setOpen] = useState(false);
  return (
    <div data-clip={clip.id} className="whitespace-normal">
      <NeedsRole role="operator">
        <button type="button" className="button" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? t.clips.close : t.clips.listen(format.withUnit(clip.duration_s, 0, "s"))}
        </button>
      </NeedsRole>
      {open && <Players clip={clip} />}
    </div>
  );
}

function Players({ clip }: { clip: Clip }) {
  const t = useMessages();
  const format = useFormat();
  const players = useRef<HTMLDivElement>(null);
  const { reference } = clip;
  /** Two sounds at once cannot be compared. */
  const pauseOthers = (playing: HTMLAudioElement) =>
    players.current?.querySelectorAll("audio").forEach((each) => {
      if (each !== playing) each.pause();
    });
  const offset = format.withUnit((clip.opening_us - clip.start_us) / 1e6, 1, "s");
  return (
    <div ref={players} className="mt-2 grid gap-3 sm:grid-cols-2">
      <Player
        id={clip.id}
        name={t.clips.event}
        detail={`${format.dateTime(clip.start_us)}, ${t.clips.eventAt(offset)}`}
        onPlay={pauseOthers}
      />
      {reference ? (
        <Player id={reference.id} name={t.clips.reference} detail={format.dateTime(reference.start_us)} onPlay={pauseOthers} />
      ) : (
        <p className="text-xs text-faint">{t.clips.referenceNone}</p>
      )}
      <div className="sm:col-span-2">
        <p className="text-xs text-faint">{t.clips.heardBy}</p>
        <SoundLog of={{ clip: clip.id }} empty={t.clips.nobody} />
      </div>
    </div>
  );
}

interface PlayerProps {
  id: string;
  name: string;
  detail: string;
  onPlay: (playing: HTMLAudioElement) => void;
}

function Player({ id, name, detail, onPlay }: PlayerProps) {
  const t = useMessages();
  const refresh = useRefreshAudit();
  const [failed, setFailed] = useState(false);
  const wasHeard = useRef(false);
  /** Chromium fails for good at a jump into the last fraction of a second of a FLAC file; loaded anew it plays again. */
  const recover = (player: HTMLAudioElement) => {
    if (!wasHeard.current) {
      setFailed(true);
      return;
    }
    wasHeard.current = false;
    player.load();
  };
  return (
    <figure className="min-w-0">
      <figcaption className="mb-1 text-xs">
        <span className="font-medium text-ink">{name}</span> <span className="text-faint">{detail}</span>
      </figcaption>
      {/* Nothing is fetched before it is played: to fetch is to listen, and is logged. */}
      <audio
        controls
        preload="none"
        src={clipUrl(id)}
        aria-label={`${name}, ${detail}`}
        className="h-11 w-full"
        onPlay={(event) => onPlay(event.currentTarget)}
        onLoadedData={() => {
          wasHeard.current = true;
          refresh();
        }}
        onError={(event) => recover(event.currentTarget)}
      />
      {failed && (
        <p role="alert" className="mt-1 text-xs text-alarm">
          {t.clips.failed}
        </p>
      )}
    </figure>
  );
}
