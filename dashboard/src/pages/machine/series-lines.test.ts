import { expect, test } from "vitest";
import type { Series } from "@/api/types";
import { en } from "@/i18n/en";
import { formatFor } from "@/lib/format";
import { resolution } from "./series-lines";

const format = formatFor("en-GB");
const told = (of: "score" | "level", resolved: Pick<Series, "resolution" | "resolution_us">) => resolution(resolved as Series, of, en, format);

test("what a point is made of is told of its own figure", () => {
  const joined = { resolution: "raw", resolution_us: 10e6 } as const;
  expect(told("score", joined)).toContain("mean score");
  expect(told("level", joined)).toBe("each point 10 secs: mean, band from lowest to highest");
  expect(told("score", { resolution: "minute", resolution_us: 120e6 })).toBe("each point 2 mins: mean, band from lowest to highest");
  expect(told("level", { resolution: "raw", resolution_us: 0 })).toBeUndefined();
});
