// What was analysed before: the newest first, with who made it and what it came to.
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { analysesQuery, type AnalysisBrief } from "@/api/analyses";
import { EmptyState } from "@/components/EmptyState";
import { ErrorState } from "@/components/ErrorState";
import { SkeletonPanels } from "@/components/Skeleton";
import { useMessages } from "@/i18n";
import { elapsedTime } from "@/lib/format";
import { useFormat } from "@/lib/use-format";
import { VerdictWord } from "./VerdictWord";

export function StoredAnalyses() {
  const t = useMessages();
  const stored = useInfiniteQuery(analysesQuery);
  const items = stored.data?.pages.flatMap((page) => page.items);
  return (
    <section aria-label={t.analyse.stored} className="panel p-4">
      <h2 className="mb-1 font-semibold">{t.analyse.stored}</h2>
      {stored.isError && !items && <ErrorState error={stored.error} onRetry={() => void stored.refetch()} />}
      {stored.isPending && (
        <div className="flex flex-col gap-2">
          <SkeletonPanels count={2} className="h-12" />
        </div>
      )}
      {items?.length === 0 && <EmptyState title={t.analyse.empty}>{t.analyse.emptyHint}</EmptyState>}
      <ul className="flex flex-col divide-y divide-line">
        {items?.map((each) => (
          <Row key={each.id} analysis={each} />
        ))}
      </ul>
      {stored.hasNextPage && (
        <button type="button" className="button mt-3" disabled={stored.isFetchingNextPage} onClick={() => void stored.fetchNextPage()}>
          {t.analyse.more}
        </button>
      )}
    </section>
  );
}

function Row({ analysis }: { analysis: AnalysisBrief }) {
  const t = useMessages();
  const format = useFormat();
  const { sensor, author, duration_s: durationS } = analysis;
  const facts = [
    format.dateTime(analysis.created_us),
    author ?? t.analyse.unknownAuthor,
    elapsedTime(format, durationS),
    sensor ? `${sensor.machine}, ${sensor.name}` : t.analyse.noMachineShort,
  ];
  return (
    <li data-analysis={analysis.filename} className="flex flex-wrap items-center gap-x-4 gap-y-0.5 py-2">
      <span className="min-w-0 flex-1 basis-64">
        <Link
          to="/analyse/$analysisId"
          params={{ analysisId: analysis.id }}
          className="inline-block py-0.5 font-medium underline decoration-line-strong underline-offset-4 [overflow-wrap:anywhere]"
        >
          {analysis.filename}
        </Link>
        <span className="block text-sm text-faint">{facts.join(" · ")}</span>
      </span>
      <VerdictWord windows={analysis.windows} anomalous={analysis.anomalous} />
    </li>
  );
}
