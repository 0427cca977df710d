// Figures of a difference of band levels.
import type { BandMatrix } from "@/lib/band-matrix";

const LEAST_DB = 6;
const SHARE = 0.98;

/** Ends of the colours of a difference, the same on both sides; null where nothing is known. */
export function differenceRange({ values }: BandMatrix): [number, number] | null {
  const known = values.filter((value) => Number.isFinite(value)).map(Math.abs).sort();
  if (known.length === 0) return null;
  const most = Math.max(LEAST_DB, Math.ceil(known[Math.floor(SHARE * (known.length - 1))] ?? 0));
  return [-most, most];
}

/** The band whose mean level differs most. */
export function mostChanged({ values, rows, centreHz }: BandMatrix): { hz: number; db: number } | null {
  let most: { hz: number; db: number } | null = null;
  centreHz.forEach((hz, row) => {
    let sum = 0;
    let count = 0;
    for (let at = row; at < values.length; at += rows) {
      const value = values[at] ?? Number.NaN;
      if (!Number.isFinite(value)) continue;
      sum += value;
      count++;
    }
    if (count > 0 && Math.abs(sum / count) > Math.abs(most?.db ?? 0)) most = { hz, db: sum / count };
  });
  return most;
}
