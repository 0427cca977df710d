// The figure of a card: score against threshold, or how far learning has come.
import type { SensorCard } from "@/api/types";
import { LearningBar } from "@/components/LearningBar";
import { useMessages } from "@/i18n";
import { levelDigits } from "@/lib/levels";
import { useFormat } from "@/lib/use-format";

export function CardFigure({ sensor }: { sensor: SensorCard }) {
  if (sensor.learning && sensor.status !== "offline") {
    return <LearningBar learning={sensor.learning} heuristicFlag={sensor.heuristic_flag} />;
  }
  return <ScoreFigure sensor={sensor} />;
}

function ScoreFigure({ sensor }: { sensor: SensorCard }) {
  const t = useMessages();
  const format = useFormat();
  const { score, threshold } = sensor;
  // A machine at rest sounds unlike its running self; that is no finding.
  const above = sensor.status !== "stopped" && score !== null && threshold !== null && score >= threshold;
  return (
    <dl className="flex items-end justify-between gap-3">
      <Item label={t.fleet.score} value={format.score(score)} className={`text-2xl/7 font-semibold ${above ? (sensor.open_event ? "text-alarm" : "text-warning") : ""}`} testId="score" />
      <Item label={t.fleet.threshold} value={format.score(threshold)} />
      <Item label={t.machine.level} value={format.withUnit(sensor.level, levelDigits(sensor.unit), sensor.unit)} />
      <Item label={t.machine.dominantShort} value={format.hertz(sensor.dominant_hz)} />
    </dl>
  );
}

function Item({ label, value, className = "text-sm", testId }: { label: string; value: string; className?: string; testId?: string }) {
  return (
    <div className="flex min-w-0 flex-col-reverse whitespace-nowrap">
      <dt className="text-2xs text-faint">{label}</dt>
      <dd className={className} data-testid={testId}>
        {value}
      </dd>
    </div>
  );
}
