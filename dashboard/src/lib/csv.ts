// Tables as text for spreadsheets (RFC 4180); times in UTC, numbers with a point, so that any program reads them.

export interface Column {
  name: string;
  values: ArrayLike<number | null | undefined>;
}

function cell(text: string): string {
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Rows whose time lies between two others (seconds), which are counted by the clock or from the start of a recording; a figure that is not known is an empty cell. */
export function toCsv(timeS: readonly number[], columns: readonly Column[], fromS: number, toS: number, elapsed = false): string {
  const lines = [[elapsed ? "time_s" : "time_utc", ...columns.map((column) => cell(column.name))].join(",")];
  timeS.forEach((at, index) => {
    if (at < fromS || at > toS) return;
    const figures = columns.map(({ values }) => {
      const value = values[index];
      return value === null || value === undefined || !Number.isFinite(value) ? "" : String(Number(value.toPrecision(7)));
    });
    lines.push([elapsed ? String(Number(at.toFixed(6))) : new Date(at * 1000).toISOString(), ...figures].join(","));
  });
  return `${lines.join("\r\n")}\r\n`;
}
