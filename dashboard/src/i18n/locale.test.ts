import { expect, test } from "vitest";
import { formatFor } from "@/lib/format";
import { localeOf } from "./locale";

const EVENING_US = Date.UTC(2026, 10, 29, 21, 5) * 1000;

test("numbers and dates are the reader's region's, not only the language's", () => {
  const [unitedStates, mexico] = [formatFor(localeOf("en", "en-US")), formatFor(localeOf("es", "es-MX"))];
  expect(unitedStates.dateTime(EVENING_US)).toMatch(/^Nov \d+, 2026.*PM$/);
  expect(mexico.score(0.5)).toBe("0.500");
  expect(formatFor(localeOf("es", "es-ES")).score(0.5)).toBe("0,500");
});

test("another language than the browser's is written as is usual for it", () => {
  expect(localeOf("en", "de-DE")).toBe("en-GB");
  expect(localeOf("es", "en-US")).toBe("es-ES");
  expect(localeOf("en", "en")).toBe("en-GB");
});
