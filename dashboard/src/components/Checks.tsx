// Self-checks: what is wrong first, with figures and remedy; what is good in one line that opens. Old ones are said to be.
import type { Check } from "@/api/types";
import { useMessages } from "@/i18n";
import { isStale } from "@/lib/agents";
import { checkFigures, checkName, checkRemedy } from "@/lib/check-words";
import { useServerNowUs } from "@/lib/clock";
import { useFormat } from "@/lib/use-format";
import { CHECK_TEXT, CheckGlyph } from "./CheckGlyph";
import { TimeAgo } from "./TimeAgo";

export function Checks({ checks }: { checks: readonly Check[] }) {
  const t = useMessages();
  const now = useServerNowUs();
  const toldUs = Math.max(...checks.map((check) => check.told_us));
  if (!isStale(toldUs, now)) return <List checks={checks} />;
  return (
    <div data-checks="stale" className="flex flex-col gap-2 text-sm">
      <p className="text-warning">
        <span aria-hidden>◆ </span>
        <TimeAgo us={toldUs}>{t.checks.stale}</TimeAgo>
      </p>
      <div className="border-l-2 border-line pl-3">
        <List checks={checks} />
      </div>
    </div>
  );
}

function List({ checks }: { checks: readonly Check[] }) {
  const t = useMessages();
  const troubled = checks.filter((check) => check.state === "failed" || check.state === "warning");
  const quiet = checks.filter((check) => check.state === "ok" || check.state === "unknown");
  const good = quiet.filter((check) => check.state === "ok").length;
  const unknown = quiet.length - good;
  return (
    <div className="flex flex-col gap-3 text-sm">
      {troubled.length > 0 && (
        <ul className="flex flex-col gap-3">
          {troubled.map((check) => (
            <Trouble key={`${check.key} ${check.sensor_id}`} check={check} />
          ))}
        </ul>
      )}
      {quiet.length > 0 && (
        <details>
          <summary className="min-h-7 cursor-pointer py-0.5 text-soft">
            {[good > 0 && t.checks.good(good), unknown > 0 && t.checks.unknown(unknown)].filter(Boolean).join(" · ")}
          </summary>
          <ul className="mt-2 flex flex-col gap-1.5">
            {quiet.map((check) => (
              <Quiet key={`${check.key} ${check.sensor_id}`} check={check} />
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}

function Trouble({ check }: { check: Check }) {
  const t = useMessages();
  const { locale } = useFormat();
  return (
    <li data-check={check.key} data-check-state={check.state}>
      <p className="flex flex-wrap items-baseline justify-between gap-x-3">
        <span className={`inline-flex items-center gap-1.5 font-medium ${CHECK_TEXT[check.state]}`}>
          <CheckGlyph state={check.state} />
          {`${t.checks.state[check.state]}: ${checkName(check, t)}`}
        </span>
        <span className="text-xs text-faint">
          <TimeAgo us={check.since_us}>{t.checks.since}</TimeAgo>
        </span>
      </p>
      <p className="mt-0.5 [overflow-wrap:anywhere]">{checkRemedy(check, t)}</p>
      <p className="mt-0.5 text-xs text-faint">{checkFigures(check, t, locale)}</p>
    </li>
  );
}

function Quiet({ check }: { check: Check }) {
  const t = useMessages();
  const { locale } = useFormat();
  return (
    <li data-check={check.key} data-check-state={check.state} className="flex flex-wrap items-baseline justify-between gap-x-3">
      <span className={`inline-flex items-center gap-1.5 ${CHECK_TEXT[check.state]}`}>
        <CheckGlyph state={check.state} size={14} />
        <span className="sr-only">{t.checks.state[check.state]}: </span>
        {checkName(check, t)}
      </span>
      <span className="text-xs text-faint">{checkFigures(check, t, locale)}</span>
    </li>
  );
}
