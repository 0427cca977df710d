// @vitest-environment happy-dom
// Every page that waits for answers, is refused them or lost its stream, in both languages, without a browser.
import { act } from "@testing-library/react";
import { afterEach, describe, expect, test, vi } from "vitest";
import { SteeredStream } from "@/testing/browser";
import { PROBLEMS } from "@/testing/answers";
import { failOnComplaints } from "@/testing/complaints";
import { openPage, PAGES, settled, type State } from "@/testing/pages";
import { LANGUAGES } from "@/i18n";

failOnComplaints();

afterEach(() => void vi.useRealTimers());

const UNREACHABLE = /does not answer|no responde/;
/** These need nothing that was measured. */
const STILL = ["/setup", "/settings/browser", "/models/compare", "/agents/add"];
const MEASURED = PAGES.filter((path) => !STILL.includes(path));

describe.each(LANGUAGES)("in %s", (language) => {
  const open = (path: string, state: State) => openPage(path, state, language);

  test.each(PAGES)("%s is there while it loads", async (path) => {
    const page = await open(path, { is: "loading" });
    if (!STILL.includes(path)) expect(page.querySelector("main :is(.skeleton, [role=status])")).not.toBeNull();
    expect(page.querySelector("[role=alert]")).toBeNull();
  });

  test.each(MEASURED)("%s says of each refusal what to do", async (path) => {
    for (const problem of PROBLEMS) {
      const page = await open(path, { is: "refusing", problem });
      expect(page.querySelector("main")?.textContent, `${problem.status} ${problem.type}`).toBeTruthy();
      expect(page.querySelector("main [role=alert] :is(a, button)"), `${problem.status} ${problem.type}`).not.toBeNull();
    }
  });

  test.each(MEASURED)("%s says that the collector cannot be reached", async (path) => {
    const page = await open(path, { is: "unreachable" });
    expect(page.querySelector("main [role=alert]")?.textContent).toMatch(UNREACHABLE);
  });

  test.each(MEASURED)("%s says how old it is once the stream is lost", async (path) => {
    const page = await open(path, { is: "answering", fill: "recorded", seed: 1 });
    const stream = SteeredStream.opened.at(-1);
    act(() => stream?.say("hello", { server_time_us: Date.now() * 1000 }));
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
    act(() => stream?.drop());
    act(() => void vi.advanceTimersByTime(2_000));
    expect(page.querySelector("[data-live-banner]"), "most streams come back at once").toBeNull();
    act(() => void vi.advanceTimersByTime(3_000));
    expect(page.querySelector("[data-live-banner]")?.textContent).toMatch(/lost|perdida/);
    expect(page.querySelector("[data-live-banner]")?.textContent).toMatch(/\d/);
    vi.useRealTimers();
    act(() => stream?.say("hello", { server_time_us: Date.now() * 1000 }));
    expect(page.querySelector("[data-live-banner]")).toBeNull();
    await settled();
  });
});
