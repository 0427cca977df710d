// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fetchEarly } from "./early";

const ADDRESS = "http://localhost/api/v1/session";
let now = 100;
const asked = vi.fn(() => Promise.resolve(new Response("late")));

beforeEach(() => {
  vi.stubGlobal("fetch", asked);
  now = 100;
  vi.spyOn(performance, "now").mockImplementation(() => now);
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  asked.mockClear();
  delete window.audiosenseEarly;
});

const early = (answer: Promise<Response>) => (window.audiosenseEarly = new Map([[ADDRESS, answer]]));
const read = async (init?: RequestInit) => (await fetchEarly(new Request(ADDRESS, init))).text();

test("an answer that is there is taken once", async () => {
  early(Promise.resolve(new Response("early")));
  expect(await read()).toBe("early");
  expect(asked).not.toHaveBeenCalled();
  expect(await read()).toBe("late");
});

test("a refusal, a failure and an old answer are asked for again", async () => {
  early(Promise.resolve(new Response("no", { status: 401 })));
  expect(await read()).toBe("late");
  early(Promise.reject(new TypeError("no network")));
  expect(await read()).toBe("late");
  now = 60_000;
  early(Promise.resolve(new Response("early")));
  expect(await read()).toBe("late");
});

test("a change is never answered with what was read", async () => {
  early(Promise.resolve(new Response("early")));
  expect(await read({ method: "DELETE" })).toBe("late");
});

test("who does not wait any more is told so", async () => {
  early(Promise.resolve(new Response("early")));
  await expect(read({ signal: AbortSignal.abort() })).rejects.toThrow();
  expect(asked).not.toHaveBeenCalled();
});
