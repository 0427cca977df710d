// What was just said, with the way to take it back, or why it could not be said.
import { CloseIcon } from "@/components/icons";
import { explain } from "@/components/ErrorState";
import { useMessages } from "@/i18n";

interface Props {
  said: string | null;
  error: unknown;
  mayUndo: boolean;
  onUndo: () => void;
  onClose: () => void;
}

export function Saved({ said, error, mayUndo, onUndo, onClose }: Props) {
  const t = useMessages();
  return (
    <>
      <div role="status" data-testid="said" className={said === null || error ? "sr-only" : "flex items-center justify-between gap-2 border-b border-line bg-accent-wash px-3 py-1 text-sm sm:px-4"}>
        {said !== null && !error && (
          <>
            <span className="min-w-0 truncate">
              <span aria-hidden>✓ </span>
              {said}
            </span>
            <span className="flex shrink-0 items-center gap-1">
              {mayUndo && (
                <button type="button" aria-keyshortcuts="U" className="button" onClick={onUndo}>
                  {t.review.undo}
                  <kbd aria-hidden className="key hidden [@media(hover:hover)]:inline">
                    U
                  </kbd>
                </button>
              )}
              <button type="button" aria-label={t.review.keys.close} className="inline-flex size-9 items-center justify-center rounded text-faint hover:text-ink" onClick={onClose}>
                <CloseIcon />
              </button>
            </span>
          </>
        )}
      </div>
      {error !== null && (
        <p role="alert" className="border-b border-line px-3 py-2 text-sm text-alarm sm:px-4">
          {explain(error, t)}
        </p>
      )}
    </>
  );
}
