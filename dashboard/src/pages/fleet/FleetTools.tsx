// What of the fleet is shown, and how: search, site, order, cards or table.
import { useEffect, useRef } from "react";
import { CardsIcon, TableIcon } from "@/components/icons";
import { useMessages } from "@/i18n";
import { parseFleetSearch, SORTS, type FleetSearch } from "@/lib/fleet-search";
import { useTyped } from "@/lib/use-typed";

export const VIEWS = ["cards", "table"] as const;
export type View = (typeof VIEWS)[number];

interface Props {
  search: FleetSearch;
  onSearch: (search: FleetSearch) => void;
  sites: readonly string[];
  tags: readonly string[];
  view: View;
  onView: (view: View) => void;
}

/** The search with one part changed; what says nothing is left out, so that addresses stay short. */
function withOne(search: FleetSearch, part: Partial<Record<"q" | "site" | "tag" | "sort", string>>): FleetSearch {
  const said = Object.entries({ ...search, ...part }).filter(([, value]) => value !== "");
  return parseFleetSearch(Object.fromEntries(said));
}

export function FleetTools({ search, onSearch, sites, tags, view, onView }: Props) {
  const t = useMessages();
  return (
    <div role="search" className="flex flex-wrap items-center gap-2">
      <SearchBox value={search.q ?? ""} onChange={(q) => onSearch(withOne(search, { q }))} />
      {sites.length > 1 && (
        <select aria-label={t.fleet.site} className="field max-w-48" value={search.site ?? ""} onChange={(event) => onSearch(withOne(search, { site: event.target.value }))}>
          <option value="">{t.fleet.allSites}</option>
          {sites.map((site) => (
            <option key={site}>{site}</option>
          ))}
        </select>
      )}
      {(tags.length > 0 || search.tag !== undefined) && (
        <select aria-label={t.fleet.tag} className="field max-w-48" value={search.tag ?? ""} onChange={(event) => onSearch(withOne(search, { tag: event.target.value }))}>
          <option value="">{t.fleet.allTags}</option>
          {(search.tag === undefined || tags.includes(search.tag) ? tags : [search.tag, ...tags]).map((tag) => (
            <option key={tag}>{tag}</option>
          ))}
        </select>
      )}
      <select aria-label={t.fleet.order} className="field" value={search.sort ?? "need"} onChange={(event) => onSearch(withOne(search, { sort: event.target.value }))}>
        {SORTS.map((sort) => (
          <option key={sort} value={sort}>
            {t.fleet.orders[sort]}
          </option>
        ))}
      </select>
      <div role="group" aria-label={t.fleet.view} className="flex">
        {VIEWS.map((each) => (
          <button
            key={each}
            type="button"
            aria-pressed={view === each}
            aria-label={t.fleet.views[each]}
            title={t.fleet.views[each]}
            onClick={() => onView(each)}
            className="button px-2.5 text-soft first:rounded-r-none last:-ml-px last:rounded-l-none aria-pressed:bg-accent-wash aria-pressed:text-accent"
          >
            {each === "cards" ? <CardsIcon /> : <TableIcon />}
          </button>
        ))}
      </div>
    </div>
  );
}

function SearchBox({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const t = useMessages();
  const input = useRef<HTMLInputElement>(null);
  const typed = useTyped(value, onChange);
  useEffect(() => {
    const focus = (event: KeyboardEvent) => {
      const typing = event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement;
      if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      input.current?.focus();
    };
    window.addEventListener("keydown", focus);
    return () => window.removeEventListener("keydown", focus);
  }, []);
  return (
    <input
      ref={input}
      type="search"
      aria-label={t.fleet.search}
      aria-keyshortcuts="/"
      placeholder={t.fleet.search}
      {...typed}
      className="field min-w-40 flex-1 sm:max-w-72"
    />
  );
}
