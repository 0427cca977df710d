// A small line of the last hour or what there is of it, as SVG; the words for it come from the caller.

const WIDTH = 240;
const HEIGHT = 44;
const PAD = 3;
/** A line of few points is not stretched over more than this. */
const SPAN_US = 60_000_000;

interface Props {
  timeUs: readonly number[];
  values: readonly (number | null)[];
  threshold?: number | null;
  label: string;
  /** Half as high. */
  compact?: boolean;
}

export function Sparkline({ timeUs, values, threshold = null, label, compact = false }: Props) {
  const known = values.filter((value): value is number => value !== null);
  const end = timeUs.at(-1);
  const height = compact ? "h-7" : "h-11";
  if (known.length < 2 || end === undefined) {
    return (
      <div role="img" aria-label={label} className={`flex items-center border-b border-dashed border-line text-xs text-faint ${height}`}>
        {label}
      </div>
    );
  }
  const start = Math.min(timeUs[0] ?? end, end - SPAN_US);
  const all = threshold === null ? known : [...known, threshold];
  const low = Math.min(...all);
  const high = Math.max(...all);
  const scale = (HEIGHT - 2 * PAD) / (high - low || 1);
  const x = (at: number) => ((at - start) / (end - start)) * WIDTH;
  const y = (value: number) => HEIGHT - PAD - (value - low) * scale;
  let path = "";
  let pen = "M";
  values.forEach((value, index) => {
    if (value === null) {
      pen = "M";
      return;
    }
    path += `${pen}${x(timeUs[index] ?? end).toFixed(1)} ${y(value).toFixed(1)}`;
    pen = "L";
  });
  return (
    <svg role="img" aria-label={label} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" className={`block w-full ${height}`}>
      {threshold !== null && (
        <line x1="0" x2={WIDTH} y1={y(threshold)} y2={y(threshold)} stroke="var(--line-strong)" strokeDasharray="3 3" vectorEffect="non-scaling-stroke" />
      )}
      <path d={path} fill="none" stroke="var(--chart-1)" strokeWidth="1.5" strokeLinejoin="round" vectorEffect="non-scaling-stroke" />
    </svg>
  );
}
