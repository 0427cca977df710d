// The strangest anomalous windows: when, how far above the threshold, and what differs from the machine's normal sound.
import type { Analysis } from "@/api/analyses";
import { EmptyState } from "@/components/EmptyState";
import { Reasons } from "@/components/Reasons";
import { useMessages } from "@/i18n";
import { elapsedTime } from "@/lib/format";
import { useFormat } from "@/lib/use-format";
import type { Judgement } from "./judgement";
import type { Player } from "./player";

const SHOWN = 5;

export function Strangest({ analysis, judgement, player }: { analysis: Analysis; judgement: Judgement | null; player: Player }) {
  const t = useMessages();
  const format = useFormat();
  const strangest = (judgement?.score ?? [])
    .map((score, index) => ({ score, index, reasons: judgement?.reasons[index] }))
    .filter(({ index }) => judgement?.anomalous[index])
    .toSorted((a, b) => b.score - a.score || a.index - b.index);
  const shown = strangest.slice(0, SHOWN);
  return (
    <section aria-label={t.analyse.strangest} className="panel p-4">
      <h2 className="mb-1 font-semibold">{t.analyse.strangest}</h2>
      {shown.length === 0 && <EmptyState title={judgement ? t.analyse.nothingStrange : t.analyse.verdict.unscored} />}
      <ol className="flex flex-col divide-y divide-line">
        {shown.map(({ score, index, reasons }) => {
          const start = analysis.start_s[index] ?? 0;
          const when = `${elapsedTime(format, start)} – ${elapsedTime(format, start + analysis.window_s)}`;
          return (
            <li key={index} data-window={index} className="flex flex-col gap-1 py-2 text-sm">
              <p className="flex flex-wrap items-center gap-x-3">
                <span className="font-medium">{when}</span>
                <span className="text-soft">{t.analyse.scoreOf(format.score(score))}</span>
                {player.present && (
                  <button type="button" className="button ml-auto" aria-label={t.analyse.hearAt(when)} onClick={() => hear(player, start)}>
                    {t.analyse.hear}
                  </button>
                )}
              </p>
              <Reasons reasons={reasons ?? []} />
            </li>
          );
        })}
      </ol>
      {strangest.length > shown.length && <p className="mt-1 text-xs text-faint">{t.analyse.moreWindows(format.number(strangest.length - shown.length))}</p>}
    </section>
  );
}

function hear(player: Player, seconds: number): void {
  player.seek(seconds);
  if (!player.playing()) player.toggle();
}
