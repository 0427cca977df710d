// What the list and an agent's page say in the same words: backlog, clock, link, release.
import type { Agent } from "@/api/agents";
import { useMessages } from "@/i18n";
import { behindUs, isOlder, UP_TO_DATE_US } from "@/lib/agent-list";
import { GOOD_LINK, isClockOff, type Condition } from "@/lib/agents";
import { useFormat } from "@/lib/use-format";

export const EDGE: Record<Condition, string> = { active: "border-l-line", revoked: "border-l-line", silent: "border-l-warning", quarantined: "border-l-warning" };
const TEXT: Record<Condition, string> = { active: "text-soft", revoked: "text-faint", silent: "text-warning", quarantined: "text-warning" };
const GLYPH: Record<Condition, string> = { active: "●", revoked: "○", silent: "◆", quarantined: "▲" };

export function ConditionBadge({ condition }: { condition: Condition }) {
  const t = useMessages();
  return (
    <span title={t.agents.stateHint[condition]} className={`shrink-0 text-sm font-medium whitespace-nowrap ${TEXT[condition]}`}>
      <span aria-hidden>{GLYPH[condition]} </span>
      {t.agents.state[condition]}
    </span>
  );
}

function Warned({ children }: { children: string }) {
  return (
    <span className="font-medium text-warning">
      <span aria-hidden>▲ </span>
      {children}
    </span>
  );
}

export function Backlog({ agent }: { agent: Agent }) {
  const t = useMessages();
  const format = useFormat();
  const { spool_rows: rows } = agent;
  if (rows === null) return t.agents.unknown;
  if (rows === 0) return t.agents.noneWaiting;
  const waiting = t.agents.waiting(format.number(rows), rows === 1);
  const behind = behindUs(agent);
  if (behind === null) return waiting;
  return behind <= UP_TO_DATE_US ? t.agents.onItsWay(waiting) : <Warned>{t.agents.behind(format.duration(behind), waiting)}</Warned>;
}

export function ClockSkew({ agent }: { agent: Agent }) {
  const t = useMessages();
  const format = useFormat();
  const { clock_offset_us: offset } = agent;
  if (offset === null) return t.agents.unknown;
  const text = `${offset < 0 ? "" : "+"}${format.withUnit(offset / 1e6, 2, "s")}`;
  return isClockOff(agent) ? <Warned>{text}</Warned> : text;
}

/** The share alone, or all that is known. */
export function LinkQuality({ agent, whole = false }: { agent: Agent; whole?: boolean }) {
  const t = useMessages();
  const format = useFormat();
  const { link } = agent;
  if (!link) return t.agents.link.unknown;
  // All of them or not: 99.96 % is not all.
  const percent = format.percent(link.at_once === 1 ? 1 : Math.min(0.99, link.at_once));
  const share = t.agents.link.atOnce(percent);
  const shown = link.at_once < GOOD_LINK ? <Warned>{share}</Warned> : share;
  if (!whole) return shown;
  const { batches, repeats, delay_ms: delay } = link;
  return (
    <>
      {shown}
      <span className="block text-xs text-faint">
        {t.agents.link.of(format.number(batches))}
        {delay !== null && ` · ${t.agents.link.delay(format.withUnit(delay, 0, "ms"))}`}
        {` · ${t.agents.link.repeats(format.number(repeats), repeats === 1)}`}
      </span>
    </>
  );
}

export function Version({ version, newest }: { version: string; newest: string | null }) {
  const t = useMessages();
  return newest !== null && isOlder(version, newest) ? (
    <span title={t.agents.olderHint(newest)}>
      {version} <Warned>{t.agents.older}</Warned>
    </span>
  ) : (
    version
  );
}
