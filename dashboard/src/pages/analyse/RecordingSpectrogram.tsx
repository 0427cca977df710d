// The recording's spectrogram on the charts' own time axis; as with clips, it is not for viewers.
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { type Analysis, analysisPictureQuery } from "@/api/analyses";
import { useMay } from "@/api/session";
import { Chart } from "@/components/Chart";
import { ChartFrame } from "@/components/ChartFrame";
import type { Span } from "@/components/chart-paint";
import { ErrorState } from "@/components/ErrorState";
import { SkeletonPanels } from "@/components/Skeleton";
import { paint } from "@/components/Spectrogram";
import { useMessages } from "@/i18n";
import { frequencyTicks, inBytes, levelAt, type Picture, sharedRange, unpackPicture } from "@/lib/clip-picture";
import { cssGradient, SEQUENTIAL } from "@/lib/colour-map";
import { useFormat } from "@/lib/use-format";
import type { ChartsShared } from "./AnalysisCharts";

const HEIGHT_PX = 240;

interface Props extends ChartsShared {
  analysis: Analysis;
  spans: readonly Span[];
}

export function RecordingSpectrogram({ analysis, ...rest }: Props) {
  const t = useMessages();
  const may = useMay("operator");
  const found = useQuery({ ...analysisPictureQuery(analysis.id), enabled: may && analysis.has_spectrogram });
  const picture = useMemo(() => (found.data ? unpackPicture(found.data) : null), [found.data]);
  if (!analysis.has_spectrogram) return <p className="panel p-3 text-sm text-faint">{t.analyse.noPicture}</p>;
  if (!may) return <p className="panel p-3 text-sm text-faint">{t.analyse.pictureNeeds}</p>;
  if (found.isError) return <ErrorState error={found.error} onRetry={() => void found.refetch()} />;
  if (!picture) {
    return <SkeletonPanels count={1} className="h-60" />;
  }
  return <PictureChart {...rest} picture={picture} />;
}

function imageOf(picture: Picture, range: readonly [number, number]): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  const { matrix, columns, rows } = picture;
  canvas.width = columns;
  canvas.height = rows;
  const context = canvas.getContext("2d");
  if (!context) return canvas;
  const image = context.createImageData(columns, rows);
  paint(image, { matrix, columns, rows, range: inBytes(picture, range), map: SEQUENTIAL });
  context.putImageData(image, 0, 0);
  return canvas;
}

function PictureChart({ picture, range, syncKey, subject, spans }: ChartsShared & { picture: Picture; spans: readonly Span[] }) {
  const t = useMessages();
  const format = useFormat();
  const levels = useMemo(() => sharedRange([picture]), [picture]);
  const { columns, rows, centreHz, durationS } = picture;
  const shown = useMemo(() => {
    const hertz = (hz: number) => (hz < 1000 ? format.number(hz) : `${format.number(hz / 1000)} k`);
    return {
      image: imageOf(picture, levels),
      fromS: 0,
      toS: durationS,
      rows,
      ticks: frequencyTicks(centreHz).map(({ hz, share }) => [share * rows - 0.5, hertz(hz)] as const),
      read: (atS: number, place: number | null) => {
        const column = Math.floor((atS / durationS) * columns);
        const row = place === null ? -1 : Math.round(place);
        const hz = centreHz[row];
        if (hz === undefined || column < 0 || column >= columns) return format.dateTime(atS * 1e6);
        return t.bands.reading(format.dateTime(atS * 1e6), format.hertz(hz), format.withUnit(levelAt(picture, column, row), 0, t.unit.dbfs));
      },
    };
  }, [picture, levels, durationS, rows, columns, centreHz, format, t]);
  const times = useMemo(() => Array.from({ length: columns }, (_, column) => ((column + 0.5) * durationS) / columns), [columns, durationS]);
  const ends = useMemo(() => [0, durationS] as const, [durationS]);
  const title = t.analyse.spectrogram;
  const lines = useMemo(() => [{ label: title, color: "--chart-2", values: [0, 0] }], [title]);
  const write = (value: number) => format.withUnit(value, 0, t.unit.dbfs);
  const label = t.bands.summary(title, format.number(rows), format.hertz(centreHz[0]), format.hertz(centreHz.at(-1)), write(levels[0]), write(levels[1]));
  const figures = () => centreHz.map((hz, row) => ({ name: format.hertz(hz), values: times.map((_, column) => levelAt(picture, column, row)) }));
  return (
    <ChartFrame
      title={title}
      subject={subject}
      unit={t.unit.dbfs}
      digits={0}
      timeS={times}
      legend={[]}
      columns={figures}
      shown={() => ("subscribe" in range ? [range.shown.fromS, range.shown.toS] : range)}
    >
      <Chart timeS={ends} series={lines} range={range} spans={spans} picture={shown} unit={t.unit.hz} digits={0} syncKey={syncKey} height={HEIGHT_PX} label={label} />
      <div className="-mt-5 mb-1 flex h-5 items-center justify-end gap-2 text-2xs text-faint">
        <span>{write(levels[0])}</span>
        <span aria-hidden className="h-2 w-28 rounded-sm" style={{ background: cssGradient(SEQUENTIAL, "to right") }} />
        <span>{write(levels[1])}</span>
      </div>
    </ChartFrame>
  );
}
