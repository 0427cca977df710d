// What pages are named by in their addresses.
import { notFound } from "@tanstack/react-router";

const ID = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i;
export const DIGEST = /^[0-9a-f]{64}$/i;

/** What can be nobody's name, as in a link that was copied in part, is no page: the collector is not asked for it. */
export function named(name: string, form = ID): string {
  // eslint-disable-next-line @typescript-eslint/only-throw-error -- the router's own way to say so
  if (!form.test(name)) throw notFound();
  return name;
}
