// A sensor's last hour as a small line: its score, or its level while it learns.
import type { SensorCard } from "@/api/types";
import { Sparkline } from "@/components/Sparkline";
import { useMessages } from "@/i18n";
import { useFormat } from "@/lib/use-format";

export function LastHour({ sensor, compact = false }: { sensor: SensorCard; compact?: boolean }) {
  const t = useMessages();
  const format = useFormat();
  const { kind, time_us: times, value: values } = sensor.sparkline;
  const isScore = kind === "score";
  const known = values.filter((value): value is number => value !== null);
  const low = format.number(Math.min(...known), isScore ? 3 : 1);
  const high = format.number(Math.max(...known), isScore ? 3 : 1);
  const span = format.minutes((times.at(-1) ?? 0) - (times[0] ?? 0));
  const words = isScore ? t.fleet.sparkScore(low, high) : t.fleet.sparkLevel(low, high);
  return (
    <div>
      <Sparkline
        timeUs={times}
        values={values}
        threshold={isScore ? sensor.threshold : null}
        label={known.length < 2 ? t.fleet.sparkNone : words}
        compact={compact}
      />
      {!compact && known.length >= 2 && <p className="mt-0.5 text-2xs text-faint">{isScore ? t.fleet.sparkScoreSpan(span) : t.fleet.sparkLevelSpan(span)}</p>}
    </div>
  );
}
