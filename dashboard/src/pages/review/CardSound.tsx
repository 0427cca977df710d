// The sound of an event: what it looks like, how it differs from normal sound, and both to be heard equally loud.
import { useQuery } from "@tanstack/react-query";
import { useEffect, useSyncExternalStore } from "react";
import { type Clip, clipOfEventQuery, type NormalClip, normalClipQuery, pictureQuery } from "@/api/clips";
import { useMay } from "@/api/session";
import { ClipPlayer } from "@/components/ClipPlayer";
import { ErrorState } from "@/components/ErrorState";
import { Skeleton } from "@/components/Skeleton";
import { useMessages } from "@/i18n";
import type { SoundDeck } from "@/lib/sound-deck";
import { useFormat } from "@/lib/use-format";
import { Pictures } from "./Pictures";
import { ViewSwitch } from "./ViewSwitch";

export type View = "a" | "b" | "difference";

interface Props {
  eventId: string;
  /** Whose sound it is. */
  subject: string;
  deck: SoundDeck;
  view: View;
  onView: (view: View) => void;
}

export function CardSound(props: Props) {
  const t = useMessages();
  const may = useMay("operator");
  const clip = useQuery({ ...clipOfEventQuery(props.eventId), enabled: may });
  if (!may) return <p className="text-sm text-faint">{t.review.sound.gone}</p>;
  if (clip.isError && !clip.data) return <ErrorState error={clip.error} onRetry={() => void clip.refetch()} />;
  if (clip.isPending) return <Skeleton className="h-52 w-full sm:h-64" />;
  if (!clip.data) return <p className="text-sm text-faint">{t.review.sound.none}</p>;
  return <Sound {...props} clip={clip.data} />;
}

function Sound({ clip, eventId, subject, deck, view, onView }: Props & { clip: Clip }) {
  const t = useMessages();
  const found = useQuery(normalClipQuery(eventId));
  const normal = found.data ?? null;
  const picture = useQuery(pictureQuery(clip.id));
  const normalPicture = useQuery({ ...pictureQuery(normal?.id ?? ""), enabled: normal !== null });
  const matchDb =
    picture.data && normalPicture.data ? picture.data.level_a_dbfs - normalPicture.data.level_a_dbfs : 0;
  const [clipS, normalId, normalS] = [clip.duration_s, normal?.id, normal?.duration_s];

  useEffect(() => {
    const b = normalId === undefined || normalS === undefined ? {} : { b: { id: normalId, durationS: normalS, matchDb: 0 } };
    deck.insert({ a: { id: clip.id, durationS: clipS, matchDb: 0 }, ...b });
    return () => deck.insert({});
  }, [deck, clip.id, clipS, normalId, normalS]);
  useEffect(() => {
    // The louder one is made quieter, so that nothing is raised beyond full scale.
    deck.match("a", Math.min(0, -matchDb));
    deck.match("b", Math.min(0, matchDb));
  }, [deck, matchDb, normalId]);

  const openingS = (clip.opening_us - clip.start_us) / 1e6;
  return (
    <div data-sound={clip.id} className="flex flex-col gap-2">
      <ViewSwitch view={view} onView={onView} hasNormal={normal !== null} />
      {picture.isError && !picture.data && <ErrorState error={picture.error} onRetry={() => void picture.refetch()} />}
      {picture.isPending && <Skeleton className="h-52 w-full sm:h-64" />}
      {picture.data && (
        <Pictures event={picture.data} normal={normalPicture.data} view={view} openingS={openingS} subject={subject} deck={deck} />
      )}
      <ClipPlayer deck={deck} />
      {found.isSuccess && (normal ? <NormalFacts normal={normal} matchDb={matchDb} deck={deck} /> : <p className="text-xs text-faint">{t.review.sound.noNormal}</p>)}
    </div>
  );
}

function NormalFacts({ normal, matchDb, deck }: { normal: NormalClip; matchDb: number; deck: SoundDeck }) {
  const t = useMessages();
  const format = useFormat();
  const { side } = useSyncExternalStore(deck.subscribe, deck.snapshot);
  const signed = (value: number) =>
    `${new Intl.NumberFormat(format.locale, { signDisplay: "exceptZero", minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(value)}\u202f${t.unit.db}`;
  const level = normal.level_difference_db;
  return (
    <p data-heard={side} className="text-xs text-faint">
      {t.review.sound.normalOf(format.dateTime(normal.start_us))}
      {level !== null && `, ${t.review.sound.louder(signed(level))}`}. {t.review.sound.matched(signed(matchDb))}
    </p>
  );
}
