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
  const format = useFormat();
  const { lastMessageMs, heard } = useLive();
  const ageUs = useServerNowUs() - toServerUs(lastMessageMs);
  return (
    <aside data-live-banner aria-label={t.live.lost} className="border-b border-line bg-fault-wash text-sm text-fault">
      <div className="mx-auto flex max-w-[1500px] items-center justify-between gap-3 px-3 py-1.5 sm:px-5">
        <span role="alert" className="sr-only">
          {t.live.lost}
        </span>
        <span data-testid="stale-banner">{(heard ? t.live.banner : t.live.never)(format.duration(ageUs))}</span>
        <button type="button" className="button" onClick={reconnect}>
          {t.live.retry}
        </button>
      </div>
    </aside>
  );
}
