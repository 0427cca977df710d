// The collector's clock is read from what it writes, however late that arrives.
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { serverNowUs, setServerTime } from "./clock";

const S = 1e6;

beforeEach(() => vi.useFakeTimers({ now: 1_000_000 }));
afterEach(() => vi.useRealTimers());

it("goes by what was least late", () => {
  const truth = () => Date.now() * 1000 + 3600 * S;
  setServerTime(truth());
  expect(serverNowUs()).toBe(truth());
  vi.setSystemTime(1_060_000);
  setServerTime(truth() - 4 * S);
  expect(serverNowUs()).toBe(truth());
  setServerTime(truth() + 0.2 * S);
  expect(serverNowUs()).toBe(truth() + 0.2 * S);
});

it("follows a clock that was set, either way", () => {
  setServerTime(5_000 * S);
  vi.setSystemTime(1_030_000);
  setServerTime(5_001 * S);
  expect(serverNowUs()).toBe(5_001 * S);
  vi.setSystemTime(1_000_000);
  setServerTime(5_002 * S);
  expect(serverNowUs()).toBe(5_002 * S);
});
