// Says how old the shown data is while the live stream is down.
import { reconnect, useLive } from "@/api/live";
import { useMessages } from "@/i18n";
import { toServerUs, useServerNowUs } from "@/lib/clock";
import { useFormat } from "@/lib/use-format";

export function LiveBanner() {
  const { link } = useLive();
  return link === "lost" ? <LostBanner /> : null;
}

function LostBanner() {
  const t = useMessages();
  const { lastMessageMs, heard } = useLive();
  const ageUs = useServerNowUs() - toServerUs(lastMessageMs);
  return (
    <aside data-live-banner aria-label={t.live.lost}>
      <span role="alert" className="sr-only">
        {t.live.lost}
      </span>
      <LostBar ageUs={ageUs} heard={heard} onRetry={reconnect} />
    </aside>
  );
}

interface LostBarProps {
  ageUs: number;
  /** Whether there ever was live data. */
  heard: boolean;
  onRetry: () => void;
}

export function LostBar({ ageUs, heard, onRetry }: LostBarProps) {
  const t = useMessages();
  const format = useFormat();
  return (
    <div className="border-b border-line bg-fault-wash text-sm text-fault">
      <div className="mx-auto flex max-w-[1500px] items-center justify-between gap-3 px-3 py-1.5 sm:px-5">
        <span data-testid="stale-banner">{(heard ? t.live.banner : t.live.never)(format.duration(ageUs))}</span>
        <button type="button" className="button" onClick={onRetry}>
          {t.live.retry}
        </button>
      </div>
    </div>
  );
}
