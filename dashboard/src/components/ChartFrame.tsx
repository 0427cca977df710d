// The frame of every chart: title, last value, and the same as a table, as CSV and as a picture.
import { type ReactNode, useRef, useState } from "react";
import { useMessages } from "@/i18n";
import { type Column, toCsv } from "@/lib/csv";
import { download } from "@/lib/download";
import { useFormat } from "@/lib/use-format";
import { toPng } from "./chart-png";
import { ChartTable } from "./ChartTable";

interface Props {
  title: string;
  /** What the files are named by, before the title: the machine. */
  subject?: string | undefined;
  last?: string | null;
  note?: ReactNode;
  actions?: ReactNode;
  unit: string;
  digits: number;
  timeS: readonly number[];
  legend: readonly { label: string; color: string }[];
  /** The figures; made when they are asked for. */
  columns: () => readonly Column[];
  /** Ends of what is shown, in seconds. */
  shown: () => readonly [number, number];
  /** What is saved as a picture, where it is not the canvas as it stands. */
  plot?: (canvas: HTMLCanvasElement) => HTMLCanvasElement;
  /** Within a panel: without a border of its own. */
  inner?: boolean;
  children: ReactNode;
}

const BUTTON = "rounded px-1.5 py-1 text-xs text-faint hover:bg-raised hover:text-ink pointer-coarse:min-h-9 pointer-coarse:px-2";

export function ChartFrame({ title, subject, last, note, actions, unit, digits, timeS, legend, columns, shown, plot, inner = false, children }: Props) {
  const t = useMessages();
  const format = useFormat();
  const frame = useRef<HTMLElement>(null);
  const [asTable, setAsTable] = useState(false);
  const named = () => [...(subject ? [subject] : []), title];
  const unitOf = (name: string) => (unit === "" ? name : `${name} (${unit})`);
  const saveCsv = () => {
    const named_ = columns().map(({ name, values }) => ({ name: unitOf(name), values }));
    download(toCsv(timeS, named_, ...shown(), format.elapsed), named(), "csv");
  };
  const savePng = async () => {
    const canvas = frame.current?.querySelector("canvas");
    if (!canvas) return;
    const [from, to] = shown();
    const span = `${format.dateTime(from * 1e6)} – ${format.dateTime(to * 1e6)}`;
    download(await toPng(plot?.(canvas) ?? canvas, named().join(", "), span, legend), named(), "png");
  };
  return (
    <section ref={frame} className={`min-w-0 ${inner ? "" : "panel px-3 pt-2 pb-1"}`} aria-label={title}>
      <div className="mb-0.5 flex items-start gap-x-3 pl-1">
        <div className="flex min-w-0 flex-1 flex-wrap items-baseline gap-x-3 py-0.5 pointer-coarse:py-1.5">
          <h3 className="text-sm font-semibold [overflow-wrap:anywhere]">{title}</h3>
          {last && <span className="text-sm text-soft">{last}</span>}
          {note && <span className="text-xs text-faint max-sm:hidden">{note}</span>}
        </div>
        <span className="flex shrink-0 items-center print:hidden">
          <button
            type="button"
            aria-label={asTable ? t.chart.showChart(title) : t.chart.showTable(title)}
            aria-pressed={asTable}
            className={BUTTON}
            onClick={() => setAsTable(!asTable)}
          >
            {asTable ? t.chart.chart : t.chart.table}
          </button>
          <button type="button" aria-label={t.chart.saveCsv(title)} className={BUTTON} onClick={saveCsv}>
            CSV
          </button>
          {!asTable && (
            <button type="button" aria-label={t.chart.savePng(title)} className={BUTTON} onClick={() => void savePng()}>
              PNG
            </button>
          )}
          {actions}
        </span>
      </div>
      {asTable ? <ChartTable title={title} timeS={timeS} columns={columns()} unit={unit} digits={digits} /> : children}
    </section>
  );
}
