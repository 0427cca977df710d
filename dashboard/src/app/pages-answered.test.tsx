// @vitest-environment happy-dom
// Every page with answers, in both languages, without a browser: recorded ones, none, and whatever the schemas allow.
import { describe, expect, test, vi } from "vitest";
import "@/testing/browser";
import { failOnComplaints } from "@/testing/complaints";
import { openPage, PAGES, type State } from "@/testing/pages";
import { LANGUAGES } from "@/i18n";

failOnComplaints();

test("there are pages", () => {
  expect(PAGES).toEqual(expect.arrayContaining(["/", "/review", "/agents"]));
});

const SEEDS = [1, 2, 3];

describe.each(LANGUAGES)("in %s", (language) => {
  const open = (path: string, state: State) => openPage(path, state, language);

  test.each(PAGES)("%s shows what was recorded of a real collector", async (path) => {
    const page = await open(path, { is: "answering", fill: "recorded", seed: 1 });
    expect(page.querySelector("main h1")?.textContent).toBeTruthy();
    expect(page.querySelector("main [role=alert]")).toBeNull();
  });

  test.each(PAGES)("%s has words where there is nothing", async (path) => {
    const page = await open(path, { is: "answering", fill: "least", seed: 1 });
    // A fleet without machines shows another page's content, which is loaded then.
    await vi.waitFor(
      () => {
        expect(page.querySelector("main h1")?.textContent).toBeTruthy();
        expect(page.querySelector("main .skeleton")).toBeNull();
      },
      { timeout: 15_000, interval: 1 },
    );
  });

  test.each(PAGES.flatMap((path) => SEEDS.map((seed) => [path, seed] as const)))(
    "%s takes whatever the schemas allow, seed %i",
    async (path, seed) => {
      const page = await open(path, { is: "answering", fill: "most", seed });
      expect(page.querySelector("main h1")).not.toBeNull();
    },
  );
});
