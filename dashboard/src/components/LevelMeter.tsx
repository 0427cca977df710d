// How loud a sensor hears now, on a bar in dBFS.
import { useMessages } from "@/i18n";
import { useFormat } from "@/lib/use-format";

const LOWEST_DBFS = -100;

export function LevelMeter({ dbfs, label }: { dbfs: number | null; label: string }) {
  const t = useMessages();
  const format = useFormat();
  const text = format.withUnit(dbfs, 1, t.unit.dbfs);
  const value = Math.min(0, Math.max(LOWEST_DBFS, dbfs ?? LOWEST_DBFS));
  const share = (value - LOWEST_DBFS) / -LOWEST_DBFS;
  return (
    <div className="flex flex-col gap-1">
      <div className="flex justify-between gap-3 text-sm">
        <span className="min-w-0 truncate text-soft">{label}</span>
        <span data-testid="level" className="font-semibold whitespace-nowrap">
          {text}
        </span>
      </div>
      <div role="meter" aria-label={label} aria-valuemin={LOWEST_DBFS} aria-valuemax={0} aria-valuenow={value} aria-valuetext={text} className="h-3 overflow-hidden rounded-full border border-line-strong bg-raised">
        <div className="h-full bg-accent transition-[width] duration-500" style={{ width: `${100 * share}%` }} />
      </div>
      <div aria-hidden className="flex justify-between text-2xs text-faint">
        {[LOWEST_DBFS, -75, -50, -25, 0].map((mark) => (
          <span key={mark}>{format.number(mark)}</span>
        ))}
      </div>
    </div>
  );
}
