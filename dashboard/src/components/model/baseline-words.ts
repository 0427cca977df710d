// What was heard in a model's baseline, in words: modes of operation, windows that were left out.
import type { ModelSummary } from "@/api/types";
import type { Messages } from "@/i18n/en";
import type { Format } from "@/lib/format";

type Baseline = ModelSummary["baseline"];
/** Levels closer than this are told apart by their brightness. */
const LEVEL_STEP_DB = 3;

/** One line a fact; none for models of collectors that did not look. */
export function baselineWords(baseline: Baseline, t: Messages, format: Format): string[] {
  const { modes, left_out: leftOut, odd } = baseline;
  const lines = modes.length > 1 ? [modesLine(modes, t, format)] : modes.length === 1 ? [t.baseline.oneMode] : [];
  const once = modes.length > 1 ? modes.filter((mode) => mode.stretches === 1).length : 0;
  if (once > 0) lines.push(t.baseline.heardOnce(once));
  if (leftOut > 0) lines.push(t.baseline.leftOut(leftOut, format.number(leftOut)));
  else if (odd > 0) lines.push(t.baseline.oddKept(odd, format.number(odd)));
  return lines;
}

function modesLine(modes: Baseline["modes"], t: Messages, format: Format): string {
  const levels = modes.map((mode) => mode.level_dbfs);
  const sameLevel = Math.max(...levels) - Math.min(...levels) < LEVEL_STEP_DB;
  const told = modes.map((mode) => {
    const share = format.withUnit(100 * mode.share, 0, t.unit.percent);
    return sameLevel
      ? t.baseline.around(share, format.hertz(mode.centroid_hz))
      : t.baseline.atLevel(share, format.withUnit(mode.level_dbfs, 0, t.unit.dbfs));
  });
  return t.baseline.modes(modes.length, told.join(", "));
}
