// How a sensor's agent stands to its model, as glyph and word.
import type { Standing } from "@/api/models";
import { useMessages } from "@/i18n";

const GLYPH: Record<Standing, string> = { refused: "✕", offered: "↓", probation: "◐", running: "●", learning: "○" };
const TONE: Record<Standing, string> = {
  refused: "text-fault",
  offered: "text-warning",
  probation: "text-warning",
  running: "text-soft",
  learning: "text-soft",
};

export function StandingBadge({ standing }: { standing: Standing }) {
  const t = useMessages();
  return (
    <span data-standing={standing} title={t.models.standingHint[standing]} className={`inline-flex items-center gap-1.5 font-medium whitespace-nowrap ${TONE[standing]}`}>
      <span aria-hidden className="w-4 text-center">{GLYPH[standing]}</span>
      {t.models.standing[standing]}
    </span>
  );
}
