// A table of the report: columns on paper and on a desk, on a phone each row as a list with its heads beside.
import type { ReactNode } from "react";

export interface PaperColumn {
  name: string;
  /** Kept in one line. */
  whole?: boolean;
  /** Set apart, to be written on. */
  lined?: boolean;
}

export interface PaperRow {
  key: string;
  /** Of an event. */
  state?: string;
  cells: readonly ReactNode[];
}

interface Props {
  label: string;
  columns: readonly PaperColumn[];
  rows: readonly PaperRow[];
}

/** The roles are said again: laid out as a list, it is no table to a browser any more. */
export function PaperTable({ label, columns, rows }: Props) {
  return (
    <div className="overflow-x-auto" role="group" aria-label={label} tabIndex={0}>
      <table role="table" aria-label={label} className="paper-table w-full text-left text-xs">
        <thead role="rowgroup" className="text-faint">
          <tr role="row">
            {columns.map(({ name }) => (
              <th key={name} role="columnheader" scope="col" className="pr-3 font-medium">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map(({ key, state, cells }) => (
            <tr key={key} role="row" data-event={state} className="border-t border-line">
              {columns.map(({ name, whole, lined }, place) => (
                <td key={name} role="cell" data-head={name} className={`py-1 pr-3 align-top ${whole ? "whitespace-nowrap" : ""} ${lined ? "w-1/5 min-w-24 sm:border-b sm:border-line" : ""}`}>
                  {cells[place]}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
