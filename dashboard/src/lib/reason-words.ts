// A reason in words: what differs from the machine's baseline, and from which figure to which.
import type { Reason } from "@/api/types";
import type { Messages } from "@/i18n/en";

export interface ReasonWords {
  /** "4–5 kHz band" */
  what: string;
  /** "+11 dB", or "3.2 → 14" */
  change: string;
}

const GAP = "\u202f";
const TWO_DIGITS = 10;
const KILO = 1000;

/** An identifier that this release has no words for, as it is read. */
const plain = (identifier: string): string => identifier.replaceAll("_", " ");

function short(value: number, locale: string): string {
  const digits = Math.abs(value) >= TWO_DIGITS ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 2 };
  return new Intl.NumberFormat(locale, digits).format(value);
}

/** As short, but with a digit after the point where there is one before it: figures stand beside each other. */
function figure(value: number, locale: string): string {
  const between = Math.abs(value) >= 1 && Math.abs(value) < TWO_DIGITS;
  return between ? new Intl.NumberFormat(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(value) : short(value, locale);
}

function hertz(value: number, locale: string): readonly [string, string] {
  return value >= KILO ? [figure(value / KILO, locale), "kHz"] : [new Intl.NumberFormat(locale, { maximumFractionDigits: 0 }).format(value), "Hz"];
}

function range(lowHz: number, highHz: number, locale: string): string {
  const [scale, unit] = highHz >= KILO ? [KILO, "kHz"] : [1, "Hz"];
  const told = (digits: number) =>
    [lowHz, highHz].map((hz) => new Intl.NumberFormat(locale, scale === 1 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: digits }).format(hz / scale));
  const [low, high] = told(2);
  return `${(low === high ? told(3) : [low, high]).join("–")}${GAP}${unit}`;
}

function difference({ value, normal }: Reason, locale: string): string {
  const change = value - normal;
  const digits = Math.abs(change) >= TWO_DIGITS ? 0 : 1;
  const format = new Intl.NumberFormat(locale, { signDisplay: "always", minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${format.format(change)}${GAP}dB`;
}

function course({ value, normal, unit }: Reason, locale: string): string {
  if (unit !== "Hz") return `${figure(normal, locale)} → ${figure(value, locale)}${unit && GAP}${unit}`;
  const [from, fromUnit] = hertz(normal, locale);
  const [to, toUnit] = hertz(value, locale);
  return `${from}${fromUnit === toUnit ? "" : GAP + fromUnit} → ${to}${GAP}${toUnit}`;
}

export function reasonWords(reason: Reason, t: Messages, locale: string): ReasonWords {
  const { key, feature, low_hz: low, high_hz: high, unit } = reason;
  if (typeof low === "number" && typeof high === "number") {
    const inRange = t.reasons.ranges[key] ?? ((place: string) => `${plain(key)}, ${place}`);
    return { what: inRange(range(low, high, locale)), change: key.startsWith("band") ? difference(reason, locale) : course(reason, locale) };
  }
  const what = t.reasons.figures[feature ?? ""] ?? plain(feature ?? key);
  return { what, change: unit === "dBFS" ? difference(reason, locale) : course(reason, locale) };
}

/** How far from usual, for those who know statistics. */
export function deviationWords(reason: Reason, t: Messages, locale: string): string {
  return t.reasons.deviation(short(Math.abs(reason.deviation), locale));
}
