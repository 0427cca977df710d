// How far a sensor's baseline has come, and the plain check beside it.
import { useMessages } from "@/i18n";
import { useFormat } from "@/lib/use-format";

interface Props {
  learning: { windows: number; needed: number };
  heuristicFlag: boolean | null;
  windowS?: number;
}

export function LearningBar({ learning, heuristicFlag, windowS }: Props) {
  const t = useMessages();
  const format = useFormat();
  const windows = Math.min(learning.windows, learning.needed);
  const text = t.learning.progress(format.number(windows), format.number(learning.needed));
  const left = windowS === undefined ? "" : t.learning.left(format.duration((learning.needed - windows) * windowS * 1e6));
  return (
    <div className="flex flex-col gap-1.5">
      <div className="flex flex-wrap justify-between gap-x-3 text-sm">
        <span>{text}</span>
        <span className="text-faint">{windows >= learning.needed ? t.learning.done : left}</span>
      </div>
      <div role="progressbar" aria-valuemin={0} aria-valuemax={learning.needed} aria-valuenow={windows} aria-valuetext={text} aria-label={t.state.learning} className="h-1.5 overflow-hidden rounded-full bg-line">
        <div className="h-full rounded-full bg-accent transition-[width]" style={{ width: `${(100 * windows) / Math.max(1, learning.needed)}%` }} />
      </div>
      {heuristicFlag !== null && (
        <p title={t.learning.heuristicHint} className={`text-xs ${heuristicFlag ? "text-warning" : "text-faint"}`}>
          <span aria-hidden>{heuristicFlag ? "▲ " : "✓ "}</span>
          {heuristicFlag ? t.learning.heuristicFlag : t.learning.heuristicOk}
        </p>
      )}
    </div>
  );
}
