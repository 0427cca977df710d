// Copies of an agent: what was seen, who they are, and which one is to go on.
import { useState, type ReactNode } from "react";
import type { Agent, AgentCopy, Evidence, useAct } from "@/api/agents";
import { NeedsRole } from "@/components/NeedsRole";
import { TimeAgo } from "@/components/TimeAgo";
import { useMessages } from "@/i18n";
import { heldByOthers, shortId } from "@/lib/agents";
import { useServerNowUs } from "@/lib/clock";
import { useFormat } from "@/lib/use-format";
import { Ask } from "@/components/Ask";

export function Copies({ agent, act }: { agent: Agent; act: ReturnType<typeof useAct> }) {
  const t = useMessages();
  const [asked, setAsked] = useState<string | null>(null);
  const { accepted_copy: accepted, copies, evidence, state } = agent;
  // Nothing of an agent that was replaced can be accepted: another has its sensors.
  if (agent.replaced_by) return null;
  if (!evidence && !accepted && copies.length === 0 && state !== "quarantined") return null;
  const confirm = (copy: string) => {
    setAsked(null);
    act.mutate({ kind: "accept", copy });
  };
  return (
    <section aria-label={t.agents.copies.title} className="flex flex-col gap-3 rounded-md border border-line p-3 text-sm">
      {evidence && <Seen evidence={evidence} />}
      {accepted && <p role="status">{t.agents.copies.accepted(shortId(accepted))}</p>}
      {copies.length === 0 && state === "quarantined" && <p className="text-faint">{t.agents.copies.none}</p>}
      {copies.length > 0 && state !== "quarantined" && <p className="text-soft">{t.agents.copies.also}</p>}
      {copies.length > 0 && (
        <ul className="flex flex-col gap-3">
          {copies.toSorted((a, b) => b.last_seen_us - a.last_seen_us).map((copy) => (
            <OneCopy key={copy.instance} copy={copy} disabled={act.isPending} onAccept={() => setAsked(copy.instance)}>
              {copy.instance === asked && (
                <Ask label={t.agents.copies.accept} yes={t.agents.acceptYes} onYes={() => confirm(copy.instance)} onNo={() => setAsked(null)}>
                  <Consequence copies={copies} chosen={copy} />
                </Ask>
              )}
            </OneCopy>
          ))}
        </ul>
      )}
    </section>
  );
}

function Seen({ evidence }: { evidence: Evidence }) {
  const t = useMessages();
  const format = useFormat();
  const now = useServerNowUs();
  const { taken, refused } = evidence;
  const words = t.agents.evidence;
  return (
    <div className="flex flex-col gap-1">
      <h2 className="font-semibold">{words.title}</h2>
      <p>
        {taken.seen_us !== null && `${words.taken(taken.address ?? words.somewhere, format.ago(taken.seen_us, now))} `}
        {words.refused(refused.address ?? words.somewhere, format.ago(evidence.at_us, now))}
        {refused.token_given_us !== null && ` ${words.given(format.ago(refused.token_given_us, now))}`}
      </p>
      <p className="text-xs text-faint">{words.why}</p>
    </div>
  );
}

interface OneCopyProps {
  copy: AgentCopy;
  disabled: boolean;
  onAccept: () => void;
  /** The question, below the copy that it is about. */
  children: ReactNode;
}

function OneCopy({ copy, disabled, onAccept, children }: OneCopyProps) {
  const t = useMessages();
  const format = useFormat();
  const { waiting } = copy;
  return (
    <li data-copy={copy.instance} className="flex flex-wrap items-start justify-between gap-2">
      <div className="min-w-0">
        <p className="font-medium">
          {t.agents.copies.name(shortId(copy.instance))}
          {copy.address && <span className="font-normal text-soft [overflow-wrap:anywhere]"> · {copy.address}</span>}
        </p>
        <p className="text-soft">
          {t.agents.copies.cause[copy.cause]}
          {waiting !== null && ` · ${t.agents.copies.holds(format.number(waiting), waiting === 1)}`}
        </p>
        <p className="text-xs text-faint">
          <TimeAgo us={copy.last_seen_us}>{(last) => t.agents.copies.seen(format.time(copy.first_seen_us), last)}</TimeAgo>
        </p>
      </div>
      <NeedsRole role="administrator">
        <button type="button" className="button" disabled={disabled} onClick={onAccept}>
          {t.agents.copies.accept}
        </button>
      </NeedsRole>
      {children && <div className="basis-full">{children}</div>}
    </li>
  );
}

function Consequence({ copies, chosen }: { copies: readonly AgentCopy[]; chosen: AgentCopy }) {
  const t = useMessages();
  const format = useFormat();
  const held = heldByOthers(copies, chosen);
  return (
    <>
      <p>{t.agents.copies.ask(shortId(chosen.instance))}</p>
      <p>{held === null ? t.agents.copies.lostNothing : t.agents.copies.lost(format.number(held), held === 1)}</p>
    </>
  );
}
