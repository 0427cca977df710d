// Fetches the page after those that are shown of a list; there is no button where that was the last one.
import { useMessages } from "@/i18n";

interface Props {
  /** The list's query. */
  of: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => Promise<unknown> };
  className?: string;
}

export function More({ of: list, className = "self-start" }: Props) {
  const t = useMessages();
  if (!list.hasNextPage) return null;
  return (
    <button type="button" className={`button ${className}`} disabled={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
      {t.more}
    </button>
  );
}
