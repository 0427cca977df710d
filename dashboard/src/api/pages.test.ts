import { expect, test } from "vitest";
import { readAll } from "./pages";

test("pages are asked for one after the other, each by the cursor of the one before", async () => {
  const pages = new Map<string | null, { items: number[]; next: string | null }>([
    [null, { items: [1, 2], next: "b" }],
    ["b", { items: [], next: "c" }],
    ["c", { items: [3], next: null }],
  ]);
  const asked: (string | null)[] = [];
  const found = await readAll((cursor) => {
    asked.push(cursor);
    const page = pages.get(cursor);
    return page ? Promise.resolve(page) : Promise.reject(new Error(`no page ${cursor}`));
  });
  expect(found).toEqual([1, 2, 3]);
  expect(asked).toEqual([null, "b", "c"]);
});

test("what one page is refused for is told", async () => {
  const read = (cursor: string | null) => (cursor === null ? Promise.resolve({ items: [1], next: "b" }) : Promise.reject(new Error("away")));
  await expect(readAll(read)).rejects.toThrow("away");
});
