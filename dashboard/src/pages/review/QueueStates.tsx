// What stands above the list or in its place: it is being read, could not be read, lacks the linked event, or is empty.
import { EmptyState } from "@/components/EmptyState";
import { ErrorState } from "@/components/ErrorState";
import { SkeletonPanels } from "@/components/Skeleton";
import { useMessages } from "@/i18n";
import type { Queue } from "./use-queue";

export function QueueStates({ queue }: { queue: Queue }) {
  return (
    <>
      {queue.lost && (
        <div className="mb-2">
          <ErrorState error={queue.lost.error} onRetry={queue.lost.retry} />
        </div>
      )}
      <InPlaceOfList queue={queue} />
    </>
  );
}

function InPlaceOfList({ queue: { query, events, search, show } }: { queue: Queue }) {
  const t = useMessages();
  if (query.isPending) {
    return (
      <div className="flex flex-col gap-2">
        <SkeletonPanels count={4} className="h-10" />
      </div>
    );
  }
  if (!query.data) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  if (events.length > 0) return null;
  const all = show === "unreviewed" && !search.site && !search.machine;
  return (
    <div className="panel">
      <EmptyState title={all ? t.review.empty : t.review.emptyFiltered}>{all ? t.review.emptyHint : t.review.emptyFilteredHint}</EmptyState>
    </div>
  );
}
