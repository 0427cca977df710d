// What a report of probes says in words and as a bar's length.
import type { KindHeard } from "@/api/types";
import type { Messages } from "@/i18n/en";
import type { Format } from "@/lib/format";

const LOUDER = "level";

/** Upper edge of the low hiss and lower edge of the high one, in Hz: fixed, or parts of a narrow spectrum. */
export function hissEdges(rateHz: number): [number, number] {
  return [Math.min(1000, rateHz / 16), Math.min(4000, rateHz / 4)];
}

/** Words for the level from which on a kind is heard, and how much of the scale lies at or above it, 0 to 1. */
export function reach(
  kind: KindHeard,
  words: Pick<Messages["detectability"], "from" | "orLess" | "louder" | "never">,
  write: (level: number) => string,
): { share: number; heard: string } {
  const levels = kind.levels.map((level) => level.level_db);
  const low = levels[0] ?? 0;
  const high = levels.at(-1) ?? 0;
  const from = kind.heard_from_db;
  if (from === null) return { share: 0, heard: words.never(write(high)) };
  // The weakest level that was tried says nothing of weaker ones; the strongest is still heard, so its bar is no void.
  const share = Math.max(0.03, Math.min(1, high > low ? (high - from) / (high - low) : 1));
  if (from <= low) return { share: 1, heard: words.orLess(write(low)) };
  return { share, heard: kind.kind === LOUDER ? words.louder(write(from)) : words.from(write(from)) };
}

/** What a kind of synthetic fault is called, with the edges of its band. */
export function kindName(kind: string, rateHz: number, t: Messages, format: Format): string {
  const [low, high] = hissEdges(rateHz);
  const edge = (hz: number) => (hz < 1000 ? format.hertz(hz) : format.withUnit(hz / 1000, hz % 1000 ? 1 : 0, "kHz"));
  return t.detectability.kinds[kind]?.(edge(low), edge(high)) ?? kind;
}
