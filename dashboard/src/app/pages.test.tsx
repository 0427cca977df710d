// @vitest-environment happy-dom
// Every page in every state, in both languages, without a browser: nothing throws, and each state says what it is.
import { act } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { SteeredStream } from "@/testing/browser";
import { PROBLEMS } from "@/testing/answers";
import { openPage, PAGES, settled, type State } from "@/testing/pages";
import { LANGUAGES } from "@/i18n";

const complaints: string[] = [];
/** Of lists whose items have the same name: a schema cannot say that they differ, the collector sees to it. */
const SAME_NAME = "Encountered two children with the same key";

beforeEach(() => {
  for (const kind of ["error", "warn"] as const) {
    vi.spyOn(console, kind).mockImplementation((...said) => {
      const complaint = said.map(String).join(" ");
      if (!complaint.startsWith(SAME_NAME)) complaints.push(complaint.slice(0, 600));
    });
  }
});
afterEach(() => {
  vi.restoreAllMocks();
  expect(complaints.splice(0).join("\n")).toBe("");
});

test("there are pages", () => {
  expect(PAGES).toEqual(expect.arrayContaining(["/", "/review", "/agents"]));
});

const SEEDS = [1, 2, 3];
const UNREACHABLE = /does not answer|no responde/;
/** These need nothing that was measured. */
const STILL = ["/setup", "/settings/browser", "/models/compare", "/agents/add"];

describe.each(LANGUAGES)("in %s", (language) => {
  const open = (path: string, state: State) => openPage(path, state, language);

  test.each(PAGES)("%s is there while it loads", async (path) => {
    const page = await open(path, { is: "loading" });
    if (!STILL.includes(path)) expect(page.querySelector(".skeleton, [role=status]")).not.toBeNull();
    expect(page.querySelector("[role=alert]")).toBeNull();
  });

  test.each(PAGES)("%s shows what was recorded of a real collector", async (path) => {
    const page = await open(path, { is: "answering", fill: "recorded", seed: 1 });
    expect(page.querySelector("main h1")?.textContent).toBeTruthy();
    expect(page.querySelector("main [role=alert]")).toBeNull();
  });

  test.each(PAGES)("%s has words where there is nothing", async (path) => {
    const page = await open(path, { is: "answering", fill: "least", seed: 1 });
    // A fleet without machines shows another page's content, which is loaded then.
    await vi.waitFor(() => expect(page.querySelector("main h1")?.textContent).toBeTruthy(), { timeout: 15_000 });
    expect(page.querySelector("main .skeleton")).toBeNull();
  });

  test.each(PAGES.flatMap((path) => SEEDS.map((seed) => [path, seed] as const)))(
    "%s takes whatever the schemas allow, seed %i",
    async (path, seed) => {
      const page = await open(path, { is: "answering", fill: "most", seed });
      expect(page.querySelector("main h1")).not.toBeNull();
    },
  );

  test.each(PAGES.filter((path) => !STILL.includes(path)))("%s says of each refusal what to do", async (path) => {
    for (const problem of PROBLEMS) {
      const page = await open(path, { is: "refusing", problem });
      expect(page.querySelector("main")?.textContent, `${problem.status} ${problem.type}`).toBeTruthy();
      expect(page.querySelector("main [role=alert] :is(a, button)"), `${problem.status} ${problem.type}`).not.toBeNull();
    }
  });

  test.each(PAGES.filter((path) => !STILL.includes(path)))("%s says that the collector cannot be reached", async (path) => {
    const page = await open(path, { is: "unreachable" });
    expect(page.querySelector("main [role=alert]")?.textContent).toMatch(UNREACHABLE);
  });

  test.each(PAGES.filter((path) => !STILL.includes(path)))("%s says how old it is once the stream is lost", async (path) => {
    const page = await open(path, { is: "answering", fill: "recorded", seed: 1 });
    const stream = SteeredStream.opened.at(-1);
    act(() => stream?.say("hello", { server_time_us: Date.now() * 1000 }));
    expect(page.querySelector("[data-live-banner]")).toBeNull();
    act(() => stream?.drop());
    expect(page.querySelector("[data-live-banner]")?.textContent).toMatch(/lost|perdida/);
    expect(page.querySelector("[data-live-banner]")?.textContent).toMatch(/\d/);
    await settled();
  });
});
