// Numbers, times and spans as text of a locale, with their units.

const SECOND_US = 1e6;
const NONE = "–";

/** What a page needs to write figures in one locale. */
export interface Format {
  locale: string;
  /** Times are counted from the start of a recording, not by the clock. */
  elapsed?: true;
  number: (value: number | null | undefined, digits?: number) => string;
  /** With as many decimals as the value has, six at most. */
  exact: (value: number) => string;
  score: (value: number | null | undefined) => string;
  /** A share from 0 to 1, as whole percent. */
  percent: (share: number) => string;
  withUnit: (value: number | null | undefined, digits: number, unit: string) => string;
  hertz: (value: number | null | undefined) => string;
  dateTime: (us: number) => string;
  time: (us: number) => string;
  /** From one moment to another; what they have in common is said once. */
  span: (fromUs: number, toUs: number) => string;
  ago: (us: number, nowUs: number) => string;
  duration: (us: number) => string;
  /** A span in whole minutes, at least one: short, and never more exact than a small chart. */
  minutes: (us: number) => string;
}

const cache = new Map<string, Format>();

export function formatFor(locale: string): Format {
  let format = cache.get(locale);
  if (!format) {
    format = makeFormat(locale);
    cache.set(locale, format);
  }
  return format;
}

const elapsed = new Map<string, Format>();

/** The same for charts of a recording: what they take for times are microseconds since its start. */
export function elapsedFormatFor(locale: string): Format {
  let format = elapsed.get(locale);
  if (!format) {
    const plain = formatFor(locale);
    const time = (us: number) => elapsedTime(plain, us / SECOND_US);
    format = { ...plain, elapsed: true, dateTime: time, time };
    elapsed.set(locale, format);
  }
  return format;
}

const MINUTE_S = 60;

/** "4.2 s", and "3:05" from a minute on. */
export function elapsedTime({ withUnit, number }: Format, seconds: number): string {
  if (seconds < MINUTE_S) return withUnit(seconds, Number.isInteger(seconds) ? 0 : 1, "s");
  const whole = Math.floor(seconds);
  return `${number(Math.floor(whole / MINUTE_S))}:${String(whole % MINUTE_S).padStart(2, "0")}`;
}

function makeFormat(locale: string): Format {
  const numbers = new Map<number, Intl.NumberFormat>();
  const dateTimes = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium" });
  const times = new Intl.DateTimeFormat(locale, { timeStyle: "medium" });
  const spans = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
  const exact = new Intl.NumberFormat(locale, { maximumFractionDigits: 6 });
  const relative = new Intl.RelativeTimeFormat(locale, { style: "narrow", numeric: "always" });

  const number: Format["number"] = (value, digits = 0) => {
    if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
    let formatter = numbers.get(digits);
    if (!formatter) {
      formatter = new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });
      numbers.set(digits, formatter);
    }
    return formatter.format(value);
  };
  const withUnit: Format["withUnit"] = (value, digits, unit) => {
    const text = number(value, digits);
    return text === NONE || unit === "" ? text : `${text}\u202f${unit}`;
  };
  const unitOf = (value: number, unit: string): string =>
    new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: 0 }).format(value);

  return {
    locale,
    number,
    withUnit,
    exact: (value) => exact.format(value),
    score: (value) => number(value, 3),
    percent: (share) => withUnit(share * 100, 0, "%"),
    hertz: (value) =>
      value !== null && value !== undefined && Math.abs(value) >= 1000
        ? withUnit(value / 1000, 2, "kHz")
        : withUnit(value, 0, "Hz"),
    dateTime: (us) => dateTimes.format(us / 1000),
    time: (us) => times.format(us / 1000),
    span: (fromUs, toUs) => spans.formatRange(fromUs / 1000, toUs / 1000),
    ago: (us, nowUs) => {
      const [amount, unit] = coarse(Math.max(0, nowUs - us));
      return relative.format(-amount, unit);
    },
    duration: (us) => {
      const parts = split(Math.max(0, us));
      return parts.map(([amount, unit]) => unitOf(amount, unit)).join(" ");
    },
    minutes: (us) => unitOf(Math.max(1, Math.round(us / (60 * SECOND_US))), "minute"),
  };
}

type Unit = "second" | "minute" | "hour" | "day";
const UNITS: readonly (readonly [Unit, number])[] = [
  ["day", 86_400 * SECOND_US],
  ["hour", 3_600 * SECOND_US],
  ["minute", 60 * SECOND_US],
  ["second", SECOND_US],
];

/** The span in its largest unit of at least one, rounded down. */
export function coarse(us: number): [number, Unit] {
  const [unit, length] = UNITS.find(([, each]) => us >= each) ?? ["second" as const, SECOND_US];
  return [Math.floor(us / length), unit];
}

/** The span in its two largest units, the smaller one left out where it is zero. */
export function split(us: number): [number, Unit][] {
  const [amount, unit] = coarse(us);
  const at = UNITS.findIndex(([name]) => name === unit);
  const rest = us - amount * (UNITS[at]?.[1] ?? SECOND_US);
  const next = UNITS[at + 1];
  const smaller = next ? Math.floor(rest / next[1]) : 0;
  return next && smaller > 0 ? [[amount, unit], [smaller, next[0]]] : [[amount, unit]];
}
