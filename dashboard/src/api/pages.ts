// Lists that come in pages, read to their end where all of it is needed.

/** The most that the collector gives at a time. */
export const WHOLE_PAGE = 1_000;

/** All items of a list; `read` is given the `next` of the page before, null at first. */
export async function readAll<T>(read: (cursor: string | null) => Promise<{ items: T[]; next: string | null }>): Promise<T[]> {
  const found: T[] = [];
  let cursor: string | null = null;
  do {
    const page = await read(cursor);
    found.push(...page.items);
    cursor = page.next;
  } while (cursor !== null);
  return found;
}
