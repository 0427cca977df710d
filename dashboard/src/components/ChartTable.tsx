// The newest points of a chart as a table.
import { useMessages } from "@/i18n";
import type { Column } from "@/lib/csv";
import { useFormat } from "@/lib/use-format";

const ROWS = 200;

interface Props {
  title: string;
  timeS: readonly number[];
  columns: readonly Column[];
  unit: string;
  digits: number;
}

export function ChartTable({ title, timeS, columns, unit, digits }: Props) {
  const t = useMessages();
  const format = useFormat();
  const first = Math.max(0, timeS.length - ROWS);
  return (
    <div className="mb-2 max-h-72 overflow-auto" tabIndex={0} role="group" aria-label={title}>
      <table className="w-full text-left text-xs">
        <caption className="sr-only">
          {title}: {t.chart.newest(format.number(timeS.length - first))}
        </caption>
        <thead className="sticky top-0 bg-surface text-faint">
          <tr>
            <th scope="col" className="px-1 py-1 font-medium">{t.chart.time}</th>
            {columns.map(({ name }) => (
              <th key={name} scope="col" className="px-1 py-1 text-right font-medium">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {timeS
            .slice(first)
            .map((at, index) => (
              <tr key={first + index} className="border-t border-line">
                <td className="px-1 py-0.5 whitespace-nowrap">{format.dateTime(at * 1e6)}</td>
                {columns.map(({ name, values }) => (
                  <td key={name} className="px-1 py-0.5 text-right whitespace-nowrap">
                    {format.withUnit(values[first + index], digits, unit)}
                  </td>
                ))}
              </tr>
            ))
            .reverse()}
        </tbody>
      </table>
    </div>
  );
}
