// What the scores of a recording come to: per model in a word, and over several machines in an order.

export type Verdict = "unscored" | "usual" | "partly" | "strange";

export interface Scored {
  score?: readonly number[] | null;
  anomalous?: readonly boolean[] | null;
  model?: { threshold: number } | null;
}

export function anomalousWindows({ anomalous }: Scored): number {
  return anomalous?.filter(Boolean).length ?? 0;
}

export function verdictOf(windows: number, anomalous: number | null): Verdict {
  if (anomalous === null) return "unscored";
  if (anomalous === 0) return "usual";
  return anomalous === windows ? "strange" : "partly";
}

/** How far the middle window lies below the threshold; what is above it is negative. */
export function margin({ score, model }: Scored): number | null {
  if (!score || !model || score.length === 0) return null;
  const sorted = score.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
  return model.threshold - median;
}

/** The likest first: fewest anomalous windows, then the most margin; what cannot judge comes last. */
export function byLikeness(a: Scored, b: Scored): number {
  const [first, second] = [margin(a), margin(b)];
  if (first === null || second === null) return Number(first === null) - Number(second === null);
  return anomalousWindows(a) - anomalousWindows(b) || second - first;
}

/** Anomalous windows that follow each other, as spans of seconds. */
export function anomalousSpans(startS: readonly number[], windowS: number, anomalous: readonly boolean[]): { fromS: number; toS: number; open: false }[] {
  const spans: { fromS: number; toS: number; open: false }[] = [];
  anomalous.forEach((isAnomalous, index) => {
    const fromS = startS[index] ?? 0;
    if (!isAnomalous) return;
    const last = spans.at(-1);
    if (index > 0 && anomalous[index - 1] && last) last.toS = fromS + windowS;
    else spans.push({ fromS, toS: fromS + windowS, open: false });
  });
  return spans;
}
