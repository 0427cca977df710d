// A chart with its title, last value, words for those who do not see it, and a table behind it.
import { useMemo, useState, type ReactNode } from "react";
import { useMessages } from "@/i18n";
import { useFormat } from "@/lib/use-format";
import { Chart, type ChartProps } from "./Chart";
import { ChartTable } from "./ChartTable";

interface Props extends Omit<ChartProps, "label"> {
  title: string;
  note?: string | undefined;
  actions?: ReactNode;
}

export function ChartPanel({ title, note, actions, ...chart }: Props) {
  const t = useMessages();
  const format = useFormat();
  const [asTable, setAsTable] = useState(false);
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
  return (
    <section className="panel min-w-0 px-3 pt-2.5 pb-1" aria-label={title}>
      <div className="mb-1 flex flex-wrap items-baseline gap-x-3 gap-y-0.5 pl-1">
        <h3 className="text-sm font-semibold">{title}</h3>
        {last && chart.series.length < 3 && <span className="text-sm text-soft">{last}</span>}
        {note && <span className="text-xs text-faint max-sm:hidden">{note}</span>}
        <span className="ml-auto flex items-center gap-1">
          <button
            type="button"
            aria-label={asTable ? t.chart.showChart(title) : t.chart.showTable(title)}
            aria-pressed={asTable}
            className="rounded px-2 py-1 text-xs text-faint hover:bg-raised hover:text-ink"
            onClick={() => setAsTable(!asTable)}
          >
            {asTable ? t.chart.chart : t.chart.table}
          </button>
          {actions}
        </span>
      </div>
      {asTable ? <ChartTable {...chart} title={title} /> : <Chart {...chart} label={summary} />}
    </section>
  );
}
