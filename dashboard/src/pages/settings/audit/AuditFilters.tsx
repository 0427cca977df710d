// Which entries are listed: by whom, what was done, to what, when; kept in the page's address.
import { useQuery } from "@tanstack/react-query";
import { auditTermsQuery } from "@/api/administration";
import { useMessages } from "@/i18n";
import { type AuditSearch, parseAuditSearch } from "@/lib/audit-search";
import { fromField, toField } from "@/lib/local-time";
import type { Names } from "./use-names";
import { saidAction, saidSubject } from "./words";

interface Props {
  search: AuditSearch;
  names: Names;
  onChange: (search: AuditSearch) => void;
}

export function AuditFilters({ search, names, onChange }: Props) {
  const t = useMessages();
  const words = t.settings.audit;
  const terms = useQuery(auditTermsQuery).data;
  const set = (name: keyof AuditSearch, value: string | number | null) => onChange(parseAuditSearch({ ...search, [name]: value }));
  const isFiltered = Object.keys(search).length > 0;
  return (
    <div role="search" aria-label={words.filter} className="grid grid-cols-2 gap-2 md:grid-cols-3 xl:grid-cols-5">
      <Words label={words.who} value={search.actor} options={terms?.actors} said={(each) => each} onChange={(value) => set("actor", value)} />
      <Words label={words.did} value={search.action} options={terms?.actions} said={(each) => saidAction(each, t)} onChange={(value) => set("action", value)} />
      <Words label={words.to} value={search.subject} options={terms?.subjects} said={(each) => saidSubject(each, t)} onChange={(value) => set("subject", value)} />
      <Time label={words.from} value={search.from_us} onChange={(value) => set("from_us", value)} />
      <Time label={words.until} value={search.to_us} onChange={(value) => set("to_us", value)} />
      {isFiltered && (
        <p className="col-span-full flex flex-wrap items-center gap-2 text-sm text-soft">
          {search.subject_id && <span className="[overflow-wrap:anywhere]">{words.onlyOf(names.get(search.subject_id) ?? search.subject_id)}</span>}
          <button type="button" className="button" onClick={() => onChange({})}>
            {words.all}
          </button>
        </p>
      )}
    </div>
  );
}

interface WordsProps {
  label: string;
  value: string | undefined;
  options: string[] | undefined;
  said: (option: string) => string;
  onChange: (value: string) => void;
}

/** What an address asks for stands among the options even if nobody has done it lately. */
function Words({ label, value = "", options = [], said, onChange }: WordsProps) {
  const any = useMessages().settings.audit.any;
  const offered = value === "" || options.includes(value) ? options : [value, ...options];
  return (
    <label className="flex min-w-0 flex-col gap-1 text-sm">
      <span className="text-soft">{label}</span>
      <select className="field w-full" value={value} onChange={(event) => onChange(event.target.value)}>
        <option value="">{any}</option>
        {offered.map((each) => (
          <option key={each} value={each}>
            {said(each)}
          </option>
        ))}
      </select>
    </label>
  );
}

function Time({ label, value, onChange }: { label: string; value: number | undefined; onChange: (us: number | null) => void }) {
  return (
    <label className="flex min-w-0 flex-col gap-1 text-sm">
      <span className="text-soft">{label}</span>
      <input
        type="datetime-local"
        className="field w-full min-w-0"
        defaultValue={value === undefined ? "" : toField(value)}
        // Another value from outside is another field; what is being typed is not disturbed.
        key={value === undefined ? "empty" : "set"}
        onKeyDown={(event) => event.key === "Enter" && event.currentTarget.blur()}
        onBlur={(event) => {
          const us = fromField(event.target.value);
          if (us !== (value ?? null)) onChange(us);
        }}
      />
    </label>
  );
}
