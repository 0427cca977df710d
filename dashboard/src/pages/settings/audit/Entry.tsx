// One change: who, when, what; and what it was before and is after.
import { Link } from "@tanstack/react-router";
import type { Change } from "@/api/administration";
import { useMessages } from "@/i18n";
import { useFormat } from "@/lib/use-format";
import { differences, saidAction, saidColumn, saidSubject } from "./words";
import type { Names } from "./use-names";

const FEW = 4;

export function Entry({ entry, names }: { entry: Change; names: Names }) {
  const t = useMessages();
  const words = t.settings.audit;
  const format = useFormat();
  const name = names.get(entry.subject_id);
  return (
    <li className="flex flex-col gap-1 px-4 py-3 text-sm" data-entry={entry.id}>
      <div className="flex flex-wrap items-baseline justify-between gap-x-4">
        <p className="min-w-0 [overflow-wrap:anywhere]">
          <span className="font-medium">{entry.actor}</span> <span>{saidAction(entry.action, t)}</span>
        </p>
        <time className="text-xs text-faint" dateTime={new Date(entry.at_us / 1000).toISOString()}>
          {format.dateTime(entry.at_us)}
        </time>
      </div>
      <p className="text-xs text-faint [overflow-wrap:anywhere]">
        {saidSubject(entry.subject, t)}{" "}
        {entry.subject_id && (
          <Link
            to="/settings/audit"
            search={{ subject: entry.subject, subject_id: entry.subject_id.slice(0, 100) }}
            title={words.allOf}
            className="text-soft underline underline-offset-2"
          >
            {name ?? entry.subject_id}
          </Link>
        )}
        {entry.address && ` · ${words.address(entry.address)}`}
      </p>
      <Differences entry={entry} names={names} />
    </li>
  );
}

function Differences({ entry, names }: { entry: Change; names: Names }) {
  const t = useMessages();
  const words = t.settings.audit;
  const format = useFormat();
  const rows = differences(entry, t, format, names);
  if (rows.length === 0) return null;
  const list = (
    <dl className="mt-1 grid grid-cols-[minmax(0,auto)_minmax(0,1fr)] gap-x-3 gap-y-0.5 text-xs">
      {rows.map(({ name, before, after }) => (
        <div key={name} className="col-span-2 grid grid-cols-subgrid">
          <dt title={name} className="text-faint [overflow-wrap:anywhere]">
            {saidColumn(name, t)}
          </dt>
          <dd className="[overflow-wrap:anywhere]">
            {before !== undefined && (
              <>
                <span className="sr-only">{words.before} </span>
                <del className="text-faint decoration-1">{before}</del>
              </>
            )}
            {before !== undefined && after !== undefined && <span aria-hidden> → </span>}
            {after !== undefined && (
              <>
                <span className="sr-only">{words.after} </span>
                <ins className="font-medium no-underline">{after}</ins>
              </>
            )}
          </dd>
        </div>
      ))}
    </dl>
  );
  if (rows.length <= FEW) return list;
  return (
    <details>
      <summary className="text-xs text-accent">{words.fields(format.number(rows.length))}</summary>
      {list}
    </details>
  );
}
