// What can be done with an agent as a whole, each asked about first.
import { useState } from "react";
import type { Action, Agent, useAct } from "@/api/agents";
import { NeedsRole } from "@/components/NeedsRole";
import { useMessages } from "@/i18n";
import { Ask } from "@/components/Ask";

type Kind = Action["kind"];

/** One that was replaced can only be enrolled anew, on its computer. */
function offer(agent: Agent): readonly Kind[] {
  if (agent.replaced_by) return [];
  return agent.state === "active" ? ["rotate", "revoke"] : agent.state === "revoked" ? ["accept"] : ["revoke"];
}

export function AgentActions({ agent, act }: { agent: Agent; act: ReturnType<typeof useAct> }) {
  const t = useMessages();
  const [asked, setAsked] = useState<Kind | null>(null);
  const offered = offer(agent);
  if (offered.length === 0) return null;
  const label: Record<Kind, string> = { rotate: t.agents.rotate, revoke: t.agents.revoke, accept: t.agents.accept };
  const question: Record<Kind, string> = { rotate: t.agents.rotateAsk, revoke: t.agents.revokeAsk, accept: t.agents.acceptAsk };
  const yes: Record<Kind, string> = { rotate: t.agents.rotateYes, revoke: t.agents.revokeYes, accept: t.agents.acceptYes };
  const confirm = (kind: Kind) => {
    setAsked(null);
    act.mutate(kind === "accept" ? { kind, copy: null } : { kind });
  };
  return (
    <div className="mt-auto flex flex-col gap-2">
      <NeedsRole role="administrator">
        <div className="flex flex-wrap gap-2">
          {offered.map((kind) => (
            <button key={kind} type="button" className="button" disabled={act.isPending} onClick={() => setAsked(kind)}>
              {label[kind]}
            </button>
          ))}
        </div>
      </NeedsRole>
      {asked && offered.includes(asked) && (
        <Ask label={label[asked]} yes={yes[asked]} onYes={() => confirm(asked)} onNo={() => setAsked(null)}>
          <p>{question[asked]}</p>
        </Ask>
      )}
    </div>
  );
}
