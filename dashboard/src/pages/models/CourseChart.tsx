// The scores of an evaluation over time, each model's over its own threshold: one line says "anomalous" for both.
import { useId, useMemo } from "react";
import type { EvaluationReport } from "@/api/models";
import { ChartPanel } from "@/components/ChartPanel";
import { useMessages } from "@/i18n";
import { useFormat } from "@/lib/use-format";

const US = 1e6;
const COLOURS = ["--chart-1", "--chart-2"] as const;

export function CourseChart({ report }: { report: EvaluationReport }) {
  const t = useMessages();
  const format = useFormat();
  const syncKey = useId();
  const { course, model, compared } = report;
  const shown = useMemo(() => {
    if (!course || !model) return null;
    const timeS = course.time_us.map((at) => at / US);
    const pairs = [
      { figures: model, scores: course.model },
      ...(compared && course.compared ? [{ figures: compared, scores: course.compared }] : []),
    ];
    const series = pairs.map(({ figures, scores }, index) => ({
      label: t.models.version(format.number(figures.version)),
      color: COLOURS[index] ?? "--chart-1",
      values: scores.highest.map((score) => (score === null ? null : score / figures.threshold)),
      // Told apart by more than their colour.
      points: index > 0,
    }));
    const threshold = { label: t.models.atThreshold, color: "--alarm", values: timeS.map(() => 1), dashed: true };
    const from = timeS[0] ?? 0;
    return { timeS, series: [...series, threshold], range: [from, Math.max(from + 1, (timeS.at(-1) ?? 0) + course.span_us / US)] as const };
  }, [course, model, compared, t, format]);
  if (!shown) return null;
  return <ChartPanel {...shown} title={t.models.course} note={t.models.courseNote} unit="" digits={2} syncKey={syncKey} height={200} />;
}
