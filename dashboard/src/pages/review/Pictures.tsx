// The spectrogram that is chosen: of the event, of normal sound on the same scale, or the difference of the two.
import { useMemo } from "react";
import type { ClipPicture } from "@/api/clips";
import { useTheme } from "@/app/theme";
import { Skeleton } from "@/components/Skeleton";
import { useMessages } from "@/i18n";
import { difference, inBytes, levelAt, sharedRange, unpackPicture } from "@/lib/clip-picture";
import { diverging, SEQUENTIAL } from "@/lib/colour-map";
import type { SoundDeck } from "@/lib/sound-deck";
import { useFormat } from "@/lib/use-format";
import type { View } from "./CardSound";
import { SpectrogramView } from "./SpectrogramView";

const MOST_DIFFERENCE_DB = 24;
const DIVERGING = { light: diverging("light"), dark: diverging("dark") };

interface Props {
  event: ClipPicture;
  normal: ClipPicture | undefined;
  view: View;
  openingS: number;
  /** Whose sound it is. */
  subject: string;
  deck: SoundDeck;
}

export function Pictures({ event: packedEvent, normal: packedNormal, view, openingS, subject, deck }: Props) {
  const t = useMessages();
  const format = useFormat();
  const { ground } = useTheme();
  const event = useMemo(() => unpackPicture(packedEvent), [packedEvent]);
  const normal = useMemo(() => packedNormal && unpackPicture(packedNormal), [packedNormal]);
  const range = useMemo(() => sharedRange(normal ? [event, normal] : [event]), [event, normal]);
  const differs = useMemo(() => (normal && view === "difference" ? difference(event, normal) : null), [event, normal, view]);
  const decibels = (value: number, unit: string) => format.withUnit(value, 0, unit);
  const titled = (name: string) => `${t.analyse.spectrogram}, ${name}`;
  const legend = [decibels(range[0], t.unit.dbfs), decibels(range[1], t.unit.dbfs)] as const;

  if (view === "difference") {
    if (!differs) return <Skeleton className="h-52 w-full sm:h-64" />;
    const ends = [decibels(-MOST_DIFFERENCE_DB, t.unit.db), `+${decibels(MOST_DIFFERENCE_DB, t.unit.db)}`] as const;
    return (
      <>
        <SpectrogramView
          {...event}
          matrix={differs}
          range={[-MOST_DIFFERENCE_DB, MOST_DIFFERENCE_DB]}
          map={DIVERGING[ground]}
          openingS={openingS}
          subject={subject}
          title={titled(t.review.sound.difference)}
          unit={t.unit.db}
          valueAt={(column, row) => differs[column * event.rows + row] ?? Number.NaN}
          legend={[`${t.review.sound.less} ${ends[0]}`, `${ends[1]} ${t.review.sound.moreThan}`]}
          label={t.review.sound.pictureDifference(...ends)}
          deck={deck}
        />
        <p className="text-xs text-faint">{t.review.sound.differenceHint}</p>
      </>
    );
  }
  const shown = view === "a" ? event : normal;
  if (!shown) return <Skeleton className="h-52 w-full sm:h-64" />;
  const name = view === "a" ? t.review.sound.event : t.review.sound.normal;
  return (
    <SpectrogramView
      {...shown}
      range={inBytes(shown, range)}
      map={SEQUENTIAL}
      openingS={view === "a" ? openingS : undefined}
      subject={subject}
      title={titled(name)}
      unit={t.unit.dbfs}
      valueAt={(column, row) => levelAt(shown, column, row)}
      legend={legend}
      label={t.review.sound.picture(name, format.withUnit(shown.durationS, 1, "s"), ...legend)}
      deck={deck}
    />
  );
}
