// Who changed what and when, and whether anybody changed the log itself.
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { auditFile, auditQuery } from "@/api/administration";
import { EmptyState } from "@/components/EmptyState";
import { ErrorState } from "@/components/ErrorState";
import { SkeletonPanels } from "@/components/Skeleton";
import { useMessages } from "@/i18n";
import { Part } from "../Part";
import { AuditFilters } from "./AuditFilters";
import { Entry } from "./Entry";
import { LogCheck } from "./LogCheck";
import { useNames } from "./use-names";

const route = getRouteApi("/settings/audit");

export function AuditSettings() {
  const t = useMessages();
  const words = t.settings.audit;
  const search = route.useSearch();
  const navigate = useNavigate();
  const names = useNames();
  const log = useInfiniteQuery(auditQuery(search));
  const entries = log.data?.pages.flatMap(({ items }) => items) ?? [];
  const save = (
    <a className="button" href={auditFile(search)} download="audit.csv">
      {words.csv}
    </a>
  );
  return (
    <Part title={t.settings.section.audit} lead={words.lead} action={save}>
      <AuditFilters search={search} names={names} onChange={(next) => void navigate({ to: "/settings/audit", search: next, replace: true })} />
      {log.isPending && <SkeletonPanels count={1} className="h-40" />}
      {log.isError && !log.data && <ErrorState error={log.error} onRetry={() => void log.refetch()} />}
      {log.data && entries.length === 0 && (
        <div className="panel">
          <EmptyState title={words.none}>{words.noneHint}</EmptyState>
        </div>
      )}
      {entries.length > 0 && (
        <ol className="panel divide-y divide-line" aria-label={t.settings.section.audit} aria-busy={log.isFetching}>
          {entries.map((entry) => (
            <Entry key={entry.id} entry={entry} names={names} />
          ))}
        </ol>
      )}
      {log.hasNextPage && (
        <button type="button" className="button self-center" disabled={log.isFetchingNextPage} onClick={() => void log.fetchNextPage()}>
          {words.older}
        </button>
      )}
      <LogCheck />
    </Part>
  );
}
