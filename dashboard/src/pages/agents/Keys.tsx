// All enrolment keys, the newest first, without their secrets.
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type EnrolmentKey, enrolmentKeysQuery, useRevokeKey } from "@/api/enrolment";
import { EmptyState } from "@/components/EmptyState";
import { explain } from "@/components/ErrorState";
import { More } from "@/components/More";
import { useMessages } from "@/i18n";
import { useFormat } from "@/lib/use-format";
import { Ask } from "@/components/Ask";

const TONE: Record<EnrolmentKey["state"], string> = { valid: "text-accent", expired: "text-faint", "used up": "text-faint", revoked: "text-faint" };
const GLYPH: Record<EnrolmentKey["state"], string> = { valid: "●", expired: "◌", "used up": "✓", revoked: "○" };

interface Props {
  watched: string | undefined;
  onWatch: (id: string) => void;
}

export function Keys({ watched, onWatch }: Props) {
  const t = useMessages();
  const found = useInfiniteQuery(enrolmentKeysQuery);
  const keys = found.data?.pages.flatMap((page) => page.items);
  return (
    <section aria-label={t.enrol.keys} className="panel p-4">
      <h2 className="mb-2 font-semibold">{t.enrol.keys}</h2>
      {found.isError && !keys && <p className="text-sm text-alarm">{explain(found.error, t)}</p>}
      {keys?.length === 0 && <EmptyState title={t.enrol.noKeys} />}
      <ul className="flex flex-col divide-y divide-line">
        {keys?.map((key) => (
          <OneKey key={key.id} of={key} watched={key.id === watched} onWatch={() => onWatch(key.id)} />
        ))}
      </ul>
      <More of={found} className="mt-3" />
    </section>
  );
}

function OneKey({ of: key, watched, onWatch }: { of: EnrolmentKey; watched: boolean; onWatch: () => void }) {
  const t = useMessages();
  const format = useFormat();
  const revoke = useRevokeKey();
  const [asked, setAsked] = useState(false);
  return (
    <li data-key={key.id} data-state={key.state} className="flex flex-col gap-2 py-2.5 text-sm">
      <div className="flex flex-wrap items-center gap-x-5 gap-y-1.5">
        <span className={`w-28 font-medium ${TONE[key.state]}`}>
          <span aria-hidden>{GLYPH[key.state]} </span>
          {t.enrol.states[key.state]}
        </span>
        <span className="w-36">
          <span className="text-faint">{t.enrol.used} </span>
          {t.enrol.usedOf(format.number(key.used), format.number(key.uses))}
        </span>
        <span className="text-soft">
          <span className="text-faint">{t.enrol.expires} </span>
          {format.dateTime(key.expires_us)}
        </span>
        {key.may_replace && <span className="text-warning">{t.enrol.replaces}</span>}
        <span className="ml-auto flex gap-2">
          {!watched && (
            <button type="button" className="button" onClick={onWatch}>
              {t.enrol.watch}
            </button>
          )}
          {key.state === "valid" && (
            <button type="button" className="button button-danger" disabled={revoke.isPending} onClick={() => setAsked(true)}>
              {t.enrol.revoke}
            </button>
          )}
        </span>
      </div>
      {asked && (
        <Ask
          label={t.enrol.revoke}
          yes={t.enrol.revokeYes}
          onYes={() => {
            setAsked(false);
            revoke.mutate(key.id);
          }}
          onNo={() => setAsked(false)}
        >
          <p>{t.enrol.revokeAsk}</p>
        </Ask>
      )}
      {revoke.isError && (
        <p role="alert" className="text-alarm">
          {explain(revoke.error, t)}
        </p>
      )}
    </li>
  );
}
