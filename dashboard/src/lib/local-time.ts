// Times as fields for date and time take them: in the browser's own time zone, to the minute.

const MINUTE_MS = 60_000;

export function toField(us: number): string {
  const date = new Date(us / 1000);
  return new Date(date.getTime() - date.getTimezoneOffset() * MINUTE_MS).toISOString().slice(0, 16);
}

/** UTC microseconds; null where the field is empty. */
export function fromField(text: FormDataEntryValue | null): number | null {
  if (typeof text !== "string" || text === "") return null;
  const ms = new Date(text).getTime();
  return Number.isFinite(ms) ? ms * 1000 : null;
}
