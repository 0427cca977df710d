// What the page is for, how much waits, and its keys where there is a keyboard.
import { useMessages } from "@/i18n";
import { useFormat } from "@/lib/use-format";

export function ReviewHeading({ unreviewed, onHelp }: { unreviewed: number | undefined; onHelp: () => void }) {
  const t = useMessages();
  const format = useFormat();
  return (
    <div className="flex items-start justify-between gap-3">
      <div>
        <h1 className="text-xl font-semibold tracking-tight">{t.review.title}</h1>
        <p className="mb-2 text-sm text-faint sm:mb-3">
          {unreviewed !== undefined && (
            <span className="font-medium text-soft">{t.review.unreviewed(unreviewed, format.number(unreviewed))}. </span>
          )}
          <span className="max-sm:hidden">{t.review.lead}</span>
        </p>
      </div>
      <button type="button" aria-keyshortcuts="?" className="button hidden [@media(hover:hover)]:inline-flex" onClick={onHelp}>
        {t.review.keys.open}
        <kbd aria-hidden className="key">
          ?
        </kbd>
      </button>
    </div>
  );
}
