// Waits for agents to enrol with a key, and says who did and whether it was heard.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { enrolmentKeyQuery } from "@/api/enrolment";
import { explain } from "@/components/ErrorState";
import { useMessages } from "@/i18n";

export function KeyWatch({ id }: { id: string }) {
  const t = useMessages();
  const key = useQuery(enrolmentKeyQuery(id));
  if (key.isError && !key.data) return <p className="text-sm text-alarm">{explain(key.error, t)}</p>;
  if (!key.data) return null;
  const { agents, state } = key.data;
  return (
    <div role="status" data-key-state={state} className="flex flex-col gap-2 text-sm">
      {agents.length === 0 && state === "valid" && (
        <p className="flex items-center gap-2 text-soft">
          <span aria-hidden className="skeleton size-2.5 rounded-full bg-accent" />
          {t.enrol.waiting}…
        </p>
      )}
      {agents.length === 0 && state !== "valid" && <p className="text-warning">{t.enrol.dead[state]}</p>}
      {agents.map((agent) => (
        <p key={agent.id} data-enrolled={agent.id} className="flex flex-wrap items-baseline gap-x-2">
          <span className="font-semibold [overflow-wrap:anywhere]">
            <span aria-hidden className="text-accent">
              {"✓ "}
            </span>
            {t.enrol.enrolled(agent.name)}
          </span>
          <span className="text-soft">{agent.last_seen_us === null ? t.enrol.notHeard : t.enrol.heard}</span>
          <Link to="/agents/$agentId" params={{ agentId: agent.id }} className="inline-block min-h-7 py-0.5 underline decoration-line-strong underline-offset-4">
            {t.enrol.open}
          </Link>
        </p>
      ))}
    </div>
  );
}
