// The check of messages finds what it is there for, and nothing that is used in a roundabout way.
import { expect, test } from "vitest";
import { dashboard, unused, untranslated } from "./messages.ts";

const PAGE = `
import type { Messages } from "@/i18n/en";
export const Page = ({ t, state }: { t: Messages; state: "open" | "lost" }) => (
  <p title="Not a message">
    {t.live[state]} Plain words {state === "open" ? "Yes, words" : t.live.retry} <b aria-hidden>·</b>
  </p>
);`;

test("words that are no messages are found where people read them, and nothing else is", () => {
  const program = dashboard({ "src/made-up.tsx": PAGE });
  const found = untranslated(program).map((place) => place.replace(/:\d+:/, ""));
  expect(found).toEqual(['src/made-up.tsx "Not a message"', 'src/made-up.tsx "Plain words"', 'src/made-up.tsx "Yes, words"']);
  expect(unused(program)).toEqual([]);
  const without = dashboard({ "src/app/LiveBanner.tsx": "export const LiveBanner = () => null;" });
  expect(unused(without)).toEqual(["en.live.banner", "en.live.never", "en.live.retry"]);
});
