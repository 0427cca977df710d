// Band levels as a picture needs them: columns of equal width without gaps, and what two of them differ by.

/** Below this there is nothing: the collector's floor, which bands beyond half the sample rate have. */
const FLOOR_DB = -119;
/** Shares of the levels that the first and the last colour stand for. */
const DARK_SHARE = 0.02;
const LIGHT_SHARE = 0.995;
const LEAST_RANGE_DB = 12;
/** More columns than this are no longer told apart on any screen. */
const MOST_COLUMNS = 4_000;

export interface BandMatrix {
  fromS: number;
  toS: number;
  columns: number;
  rows: number;
  /** Column after column, each from its lowest band; what is not known is not a number. */
  values: Float32Array;
  centreHz: readonly number[];
}

interface Answer {
  time_us: readonly number[];
  resolution_us: number;
  centre_hz: readonly number[];
}

/** A matrix on an even grid of time; `levels` are the answer's, column after column. */
export function toMatrix({ time_us: times, resolution_us: width, centre_hz: centres }: Answer, levels: Float32Array): BandMatrix | null {
  const first = times[0];
  const last = times.at(-1);
  if (first === undefined || last === undefined || last < first) return null;
  const all = centres.length;
  const rows = heardRows(levels, all);
  const step = Math.max(width, (last - first) / (MOST_COLUMNS - 1));
  const columns = Math.round((last - first) / step) + 1;
  const values = new Float32Array(columns * rows).fill(Number.NaN);
  times.forEach((time, index) => {
    const column = Math.min(columns - 1, Math.round((time - first) / step));
    if (column >= 0) values.set(levels.subarray(index * all, index * all + rows), column * rows);
  });
  return { fromS: first / 1e6, toS: (first + columns * step) / 1e6, columns, rows, values, centreHz: centres.slice(0, rows) };
}

/** How many bands a sensor can hear, from the lowest on. */
function heardRows(levels: Float32Array, all: number): number {
  for (let row = all - 1; row > 0; row--) {
    for (let at = row; at < levels.length; at += all) if ((levels[at] ?? FLOOR_DB) > FLOOR_DB) return row + 1;
  }
  return all;
}

/** Levels of the first and the last colour, whole decibels. */
export function levelRange({ values }: BandMatrix): [number, number] {
  const known = values.filter((value) => Number.isFinite(value)).sort();
  const at = (share: number) => known[Math.floor(share * (known.length - 1))] ?? 0;
  const low = Math.floor(at(DARK_SHARE));
  return [low, Math.max(low + LEAST_RANGE_DB, Math.ceil(at(LIGHT_SHARE)))];
}

/** `a` less what `b` was `shiftS` seconds earlier, on the grid of `a`; not a number where either is not known. */
export function difference(a: BandMatrix, b: BandMatrix, shiftS: number): BandMatrix {
  const rows = Math.min(a.rows, b.rows);
  const values = new Float32Array(a.columns * rows).fill(Number.NaN);
  const width = (a.toS - a.fromS) / a.columns;
  const widthB = (b.toS - b.fromS) / b.columns;
  for (let column = 0; column < a.columns; column++) {
    const at = a.fromS + (column + 0.5) * width - shiftS;
    const columnB = Math.floor((at - b.fromS) / widthB);
    if (columnB < 0 || columnB >= b.columns) continue;
    for (let row = 0; row < rows; row++) {
      values[column * rows + row] = (a.values[column * a.rows + row] ?? Number.NaN) - (b.values[columnB * b.rows + row] ?? Number.NaN);
    }
  }
  return { ...a, rows, values, centreHz: a.centreHz.slice(0, rows) };
}

/** The value at a time and at a place on the axis of bands, where band 0 reaches from -0.5 to 0.5. */
export function valueAt(matrix: BandMatrix, atS: number, place: number): { hz: number; value: number; fromS: number } | null {
  const column = Math.floor(((atS - matrix.fromS) / (matrix.toS - matrix.fromS)) * matrix.columns);
  const row = Math.round(place);
  const hz = matrix.centreHz[row];
  const value = matrix.values[column * matrix.rows + row];
  if (column < 0 || column >= matrix.columns || hz === undefined || value === undefined || !Number.isFinite(value)) return null;
  return { hz, value, fromS: matrix.fromS + (column * (matrix.toS - matrix.fromS)) / matrix.columns };
}
