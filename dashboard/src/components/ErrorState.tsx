// What went wrong, in words that say what to do, and a way to try again.
import { Link, type ErrorComponentProps } from "@tanstack/react-router";
import { ApiError } from "@/api/client";
import { useMessages } from "@/i18n";
import type { Messages } from "@/i18n/en";

export function explain(error: unknown, t: Messages): string {
  if (!(error instanceof ApiError)) return error instanceof Error ? error.message : String(error);
  if (error.status === 0) return t.error.unreachable;
  if (error.kind in t.auth.kinds) return t.auth.kinds[error.kind as keyof typeof t.auth.kinds];
  if (error.status === 429) return t.auth.tooMany;
  if (error.status === 404) return t.error.notFound;
  if (error.status === 503) return t.error.unavailable;
  if (error.status >= 500) return t.error.server(String(error.status));
  return t.error.refused(error.message || String(error.status));
}

export function ErrorState({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  const t = useMessages();
  return (
    <div role="alert" className="panel flex flex-col items-start gap-2 p-4">
      <p className="font-medium">{t.error.title}</p>
      <p className="max-w-prose text-sm text-soft">{explain(error, t)}</p>
      <button type="button" className="button mt-1" onClick={onRetry}>
        {t.error.retry}
      </button>
    </div>
  );
}

export function PageError({ error, reset }: ErrorComponentProps) {
  return <ErrorState error={error} onRetry={reset} />;
}

export function NotFound() {
  const t = useMessages();
  return (
    <div className="panel flex flex-col items-start gap-3 p-4">
      <h1 className="font-medium">{t.error.notFoundPage}</h1>
      <Link to="/" className="button">
        {t.error.toFleet}
      </Link>
    </div>
  );
}
