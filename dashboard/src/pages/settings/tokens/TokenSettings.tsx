// Secrets for programs: which there are, making and revoking them.
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { tokensQuery } from "@/api/administration";
import { EmptyState } from "@/components/EmptyState";
import { ErrorState } from "@/components/ErrorState";
import { More } from "@/components/More";
import { SkeletonPanels } from "@/components/Skeleton";
import { useMessages } from "@/i18n";
import { useFormat } from "@/lib/use-format";
import { Part } from "../Part";
import { NewToken } from "./NewToken";
import { TokenRow } from "./TokenRow";

export function TokenSettings() {
  const t = useMessages();
  const words = t.settings.tokens;
  const format = useFormat();
  const tokens = useInfiniteQuery(tokensQuery(false));
  const over = useInfiniteQuery(tokensQuery(true));
  const [adding, setAdding] = useState(false);
  const open = tokens.data?.pages.flatMap(({ items }) => items) ?? [];
  const ended = over.data?.pages.flatMap(({ items }) => items) ?? [];
  const add = (
    <button type="button" className="button button-primary" aria-expanded={adding} onClick={() => setAdding(!adding)}>
      {words.add}
    </button>
  );
  return (
    <Part title={t.settings.section.tokens} lead={words.lead} action={add}>
      {adding && <NewToken onClose={() => setAdding(false)} />}
      {tokens.isPending && <SkeletonPanels count={1} className="h-24" />}
      {tokens.isError && !tokens.data && <ErrorState error={tokens.error} onRetry={() => void tokens.refetch()} />}
      {over.isError && !over.data && tokens.data && <ErrorState error={over.error} onRetry={() => void over.refetch()} />}
      {tokens.data && open.length === 0 && (
        <div className="panel">
          <EmptyState title={words.none}>{words.noneHint}</EmptyState>
        </div>
      )}
      {open.length > 0 && (
        <ul className="panel divide-y divide-line" aria-label={t.settings.section.tokens}>
          {open.map((token) => (
            <TokenRow key={token.id} token={token} />
          ))}
        </ul>
      )}
      <More of={tokens} />
      {ended.length > 0 && (
        <details className="panel">
          <summary className="px-4 py-3 text-sm font-medium">{words.ended(format.number(ended.length) + (over.hasNextPage ? "+" : ""))}</summary>
          <ul className="divide-y divide-line border-t border-line">
            {ended.map((token) => (
              <TokenRow key={token.id} token={token} />
            ))}
          </ul>
          <More of={over} className="m-4" />
        </details>
      )}
    </Part>
  );
}
