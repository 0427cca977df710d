// Spectrograms of clips: bytes from the collector, a scale that two of them share, what one has more than the other.
import type { ClipPicture } from "@/api/clips";

export interface Picture {
  /** 0 for `lowDb`, 255 for `highDb`; column after column, the lowest frequency first. */
  matrix: Uint8Array;
  columns: number;
  rows: number;
  lowDb: number;
  highDb: number;
  centreHz: readonly number[];
  durationS: number;
  levelAdBfs: number;
}

const LEVELS = 255;
/** The quietest tenth has the map's first colour: noise of the room that tells nothing. */
const FLOOR_SHARE = 0.1;
const LEAST_RANGE_DB = 30;

type Packed = Pick<ClipPicture, "data" | "shape" | "low_db" | "high_db" | "centre_hz" | "duration_s" | "level_a_dbfs">;

export function unpackPicture(packed: Packed): Picture {
  const bytes = atob(packed.data);
  const matrix = new Uint8Array(bytes.length);
  for (let index = 0; index < bytes.length; index++) matrix[index] = bytes.charCodeAt(index);
  return {
    matrix,
    columns: packed.shape[0] ?? 0,
    rows: packed.shape[1] ?? 0,
    lowDb: packed.low_db,
    highDb: packed.high_db,
    centreHz: packed.centre_hz,
    durationS: packed.duration_s,
    levelAdBfs: packed.level_a_dbfs,
  };
}

const stepDb = (picture: Picture) => (picture.highDb - picture.lowDb) / LEVELS;

/** The level at a place of the picture, dB. */
export function levelAt(picture: Picture, column: number, row: number): number {
  return picture.lowDb + (picture.matrix[column * picture.rows + row] ?? 0) * stepDb(picture);
}

/** The level that a share of a picture is below, dB. */
export function quantileDb(picture: Picture, share: number): number {
  const counts = new Uint32Array(LEVELS + 1);
  for (const value of picture.matrix) counts[value] = (counts[value] ?? 0) + 1;
  const wanted = share * picture.matrix.length;
  let seen = 0;
  let level = 0;
  while (level < LEVELS && (seen += counts[level] ?? 0) < wanted) level += 1;
  return picture.lowDb + level * stepDb(picture);
}

/** One scale for all pictures that are compared, dB. */
export function sharedRange(pictures: readonly Picture[]): [number, number] {
  const high = Math.max(...pictures.map((each) => each.highDb));
  const low = Math.min(...pictures.map((each) => quantileDb(each, FLOOR_SHARE)));
  return [Math.min(Math.floor(low), high - LEAST_RANGE_DB), high];
}

/** A scale in dB as a picture's own bytes count. */
export function inBytes(picture: Picture, [low, high]: readonly [number, number]): [number, number] {
  return [(low - picture.lowDb) / stepDb(picture), (high - picture.lowDb) / stepDb(picture)];
}

/** The level (rows) that half of a picture's columns are below, dB. */
function medianRows(picture: Picture): Float32Array {
  const { columns, rows } = picture;
  const counts = new Uint32Array(LEVELS + 1);
  return Float32Array.from({ length: rows }, (_, row) => {
    counts.fill(0);
    for (let column = 0; column < columns; column++) {
      const value = picture.matrix[column * rows + row] ?? 0;
      counts[value] = (counts[value] ?? 0) + 1;
    }
    let seen = 0;
    let level = 0;
    while (level < LEVELS && (seen += counts[level] ?? 0) * 2 < columns) level += 1;
    return picture.lowDb + level * stepDb(picture);
  });
}

/**
 * By how many dB an event is above or below the usual level of normal sound, at each frequency and time. The two were
 * not heard at the same time, so normal sound is its median over time; rows that it lacks are not a number.
 */
export function difference(event: Picture, normal: Picture): Float32Array {
  const usual = medianRows(normal);
  const found = new Float32Array(event.matrix.length);
  const step = stepDb(event);
  for (let index = 0; index < found.length; index++) {
    found[index] = event.lowDb + (event.matrix[index] ?? 0) * step - (usual[index % event.rows] ?? Number.NaN);
  }
  return found;
}

const NICE_HZ = [50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000];

/** Round frequencies within a picture and where they stand, 0 at the bottom and 1 at the top. */
export function frequencyTicks(centreHz: readonly number[]): { hz: number; share: number }[] {
  const [first, last] = [centreHz[0] ?? 1, centreHz.at(-1) ?? 2];
  const octaves = Math.log2(last / first) || 1;
  const half = 0.5 / centreHz.length;
  return NICE_HZ.flatMap((hz) => {
    const share = half + (1 - 2 * half) * (Math.log2(hz / first) / octaves);
    return share > 0.02 && share < 0.98 ? [{ hz, share }] : [];
  });
}

/** Round seconds of a clip and where they stand, 0 to 1. */
export function timeTicks(durationS: number, most: number): { s: number; share: number }[] {
  const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60].find((each) => durationS / each <= most) ?? 60;
  return Array.from({ length: Math.floor(durationS / step + 1e-9) + 1 }, (_, index) => ({
    s: index * step,
    share: (index * step) / durationS,
  }));
}
