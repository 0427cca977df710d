// A chart of lines with its frame, its last value, and words for those who do not see it.
import { type ReactNode, useMemo } from "react";
import { useMessages } from "@/i18n";
import { useFormat } from "@/lib/use-format";
import { Chart, type ChartProps } from "./Chart";
import { toColumns } from "./chart-data";
import { ChartFrame } from "./ChartFrame";

interface Props extends Omit<ChartProps, "label" | "picture"> {
  title: string;
  subject?: string | undefined;
  note?: string | undefined;
  actions?: ReactNode;
}

export function ChartPanel({ title, subject, note, actions, ...chart }: Props) {
  const t = useMessages();
  const format = useFormat();
  const main = chart.series[0];
  const { summary, last } = useMemo(() => {
    const known = (main?.values ?? []).filter((value): value is number => value !== null);
    const lastValue = known.at(-1);
    if (lastValue === undefined) return { summary: t.chart.summaryEmpty(title), last: null };
    const write = (value: number) => format.withUnit(value, chart.digits, chart.unit);
    const low = known.reduce((a, b) => Math.min(a, b));
    const high = known.reduce((a, b) => Math.max(a, b));
    return {
      summary: t.chart.summary(title, format.number(known.length), write(low), write(high), write(lastValue)),
      last: write(lastValue),
    };
  }, [main?.values, title, chart.digits, chart.unit, t, format]);
  const { range } = chart;
  return (
    <ChartFrame
      title={title}
      subject={subject}
      last={chart.series.length < 4 ? last : null}
      note={note}
      actions={actions}
      unit={chart.unit}
      digits={chart.digits}
      timeS={chart.timeS}
      legend={chart.series}
      columns={() => toColumns(chart.timeS, chart.series, t.chart)}
      shown={() => ("subscribe" in range ? [range.shown.fromS, range.shown.toS] : range)}
    >
      <Chart {...chart} label={summary} />
    </ChartFrame>
  );
}
