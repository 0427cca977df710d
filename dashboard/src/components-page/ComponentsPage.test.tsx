// @vitest-environment happy-dom
// The page of components draws each component that pages share, in both languages, and nothing complains.
import { act, cleanup, render } from "@testing-library/react";
import { createContext, memo } from "react";
import { afterEach, expect, test } from "vitest";
import "@/testing/browser";
import { failOnComplaints } from "@/testing/complaints";
import { LANGUAGES } from "@/i18n";
import { ComponentsPage, GROUPS } from "./ComponentsPage";
import { nameOf } from "./gallery";

failOnComplaints();
afterEach(cleanup);

const shared = import.meta.glob<Record<string, unknown>>("../components/**/*.tsx", { eager: true });
/** Functions, and what React makes of them by `memo` or `lazy`; a context is none. */
const isComponent = (value: unknown): boolean =>
  typeof value === "function" || (typeof value === "object" && value !== null && "$$typeof" in value && !("Provider" in value));
/** What is exported with a capital at its beginning is a component; constants are written in capitals alone. */
const componentsOf = (files: Record<string, Record<string, unknown>>) =>
  Object.entries(files).flatMap(([file, exported]) =>
    Object.entries(exported).flatMap(([name, value]) => (/^[A-Z]\w*[a-z]/.test(name) && isComponent(value) ? [{ name: `${name} of ${file}`, value }] : [])),
  );
/** Those that are not drawn, by name. */
const omitted = (files: Record<string, Record<string, unknown>>, drawn: Set<unknown>) => componentsOf(files).flatMap(({ name, value }) => (drawn.has(value) ? [] : [name]));

interface Fiber {
  type: unknown;
  /** What is drawn as: of `memo` the whole, where `type` may be what is within. */
  elementType: unknown;
  child: Fiber | null;
  sibling: Fiber | null;
}

/** What React has drawn within an element: a component that is only named on the page is not among it. */
function drawnIn(container: HTMLElement): Set<unknown> {
  const key = Object.keys(container).find((name) => name.startsWith("__reactContainer$"));
  const found = new Set<unknown>();
  const left: (Fiber | null)[] = [key === undefined ? null : (container as unknown as Record<string, Fiber>)[key] ?? null];
  while (left.length > 0) {
    const fiber = left.pop();
    if (!fiber) continue;
    found.add(fiber.type).add(fiber.elementType);
    left.push(fiber.child, fiber.sibling);
  }
  return found;
}

async function open(language: string): Promise<HTMLElement> {
  localStorage.setItem("audiosense.language", language);
  const { container } = render(<ComponentsPage />);
  await act(() => new Promise((done) => setTimeout(done, 50)));
  return container;
}

test("every component that pages share is drawn", async () => {
  const drawn = drawnIn(await open("en"));
  expect(componentsOf(shared).length).toBeGreaterThan(60);
  expect(omitted(shared, drawn), "add them to src/components-page").toEqual([]);
});

test("one that is omitted is told by its name, also where it is memoised", async () => {
  const drawn = drawnIn(await open("en"));
  const Forgotten = () => null;
  const more = { "./more.tsx": { Forgotten, Memoised: memo(Forgotten), Context: createContext(0), LIMITS: Forgotten, useIt: Forgotten } };
  expect(omitted(more, drawn)).toEqual(["Forgotten of ./more.tsx", "Memoised of ./more.tsx"]);
});

test("each has an anchor of its own, and the list leads to it", async () => {
  const page = await open("en");
  const anchors = [...page.querySelectorAll("section[data-component]")].map(({ id }) => id);
  expect(new Set(anchors).size).toBe(GROUPS.flatMap(({ entries }) => entries).length);
  for (const anchor of anchors) expect(page.querySelectorAll(`nav a[href="#${anchor}"]`)).toHaveLength(2);
});

test.each(LANGUAGES)("each state of each is there in %s", async (language) => {
  const page = await open(language);
  for (const entry of GROUPS.flatMap(({ entries }) => entries)) {
    const states = page.querySelectorAll(`[data-component="${nameOf(entry)}"] [data-shown]`);
    expect([...states].map((state) => state.getAttribute("data-shown")), nameOf(entry)).toEqual(Object.keys(entry.states));
  }
});
