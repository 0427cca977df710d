// A matrix of bands as a chart: picture, frequencies at its side, what its colours mean, table and files.
import { useMemo } from "react";
import { ChartFrame } from "@/components/ChartFrame";
import { Chart } from "@/components/Chart";
import { paint } from "@/components/Spectrogram";
import { useMessages } from "@/i18n";
import { type BandMatrix, valueAt } from "@/lib/band-matrix";
import { type ColourMap, cssGradient } from "@/lib/colour-map";
import { useFormat } from "@/lib/use-format";
import type { Shared } from "./ChartStack";

const HEIGHT_PX = 190;
/** Octaves that are named at the side. */
const TICKS_HZ = [31.5, 63, 125, 250, 500, 1_000, 2_000, 4_000, 8_000, 16_000];
const WHOLE_HZ = 1_000;

interface Props extends Shared {
  title: string;
  matrix: BandMatrix;
  /** Levels of the first and the last colour, dB. */
  levels: readonly [number, number];
  map: ColourMap;
  note: string | undefined;
  signed?: boolean;
}

function imageOf({ values, columns, rows }: BandMatrix, range: readonly [number, number], map: ColourMap): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = columns;
  canvas.height = rows;
  const context = canvas.getContext("2d");
  if (!context) return canvas;
  const image = context.createImageData(columns, rows);
  paint(image, { matrix: values, columns, rows, range, map });
  context.putImageData(image, 0, 0);
  return canvas;
}

export function BandsChart({ title, matrix, levels, map, note, signed = false, time, overlays, subject, syncKey }: Props) {
  const t = useMessages();
  const format = useFormat();
  const [low, high] = levels;
  const picture = useMemo(() => {
    const named = (hz: number) => (hz < WHOLE_HZ ? format.number(hz, hz % 1 ? 1 : 0) : `${format.number(hz / WHOLE_HZ, hz % WHOLE_HZ ? 1 : 0)} k`);
    return {
      image: imageOf(matrix, [low, high], map),
      fromS: matrix.fromS,
      toS: matrix.toS,
      rows: matrix.rows,
      ticks: matrix.centreHz.flatMap((hz, row) => (TICKS_HZ.includes(hz) ? [[row, named(hz)] as const] : [])),
      read: (atS: number, place: number | null) => {
        const found = place === null ? null : valueAt(matrix, atS, place);
        const when = format.dateTime((found?.fromS ?? atS) * 1e6);
        if (!found) return when;
        const sign = signed && found.value > 0 ? "+" : "";
        return t.bands.reading(when, format.hertz(found.hz), `${sign}${format.withUnit(found.value, 1, t.unit.db)}`);
      },
    };
  }, [matrix, low, high, map, format, t, signed]);
  const times = useMemo(() => {
    const width = (matrix.toS - matrix.fromS) / matrix.columns;
    return Array.from({ length: matrix.columns }, (_, column) => matrix.fromS + column * width);
  }, [matrix]);
  const columns = () =>
    matrix.centreHz.map((hz, row) => ({ name: format.hertz(hz), values: times.map((_, column) => matrix.values[column * matrix.rows + row] ?? null) }));
  const ends = useMemo(() => [matrix.fromS, matrix.toS] as const, [matrix]);
  const lines = useMemo(() => [{ label: title, color: "--chart-2", values: [0, 0] }], [title]);
  const [first, last] = [matrix.centreHz[0] ?? 0, matrix.centreHz.at(-1) ?? 0];
  const write = (value: number) => `${signed && value > 0 ? "+" : ""}${format.withUnit(value, 0, t.unit.db)}`;
  const label = t.bands.summary(title, format.number(matrix.rows), format.hertz(first), format.hertz(last), write(low), write(high));
  return (
    <ChartFrame
      title={title}
      subject={subject}
      note={note}
      unit={t.unit.db}
      digits={1}
      timeS={times}
      legend={[]}
      columns={columns}
      shown={() => [time.view.shown.fromS, time.view.shown.toS]}
    >
      <Chart timeS={ends} series={lines} range={time.view} {...overlays} picture={picture} unit={t.unit.hz} digits={0} syncKey={syncKey} height={HEIGHT_PX} label={label} />
      <div className="-mt-5 mb-1 flex h-5 items-center justify-end gap-2 text-2xs text-faint">
        <span>{write(low)}</span>
        <span aria-hidden className="h-2 w-28 rounded-sm" style={{ background: cssGradient(map, "to right") }} />
        <span>{write(high)}</span>
      </div>
    </ChartFrame>
  );
}
