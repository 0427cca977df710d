// The agent of a model's sensor: whether it runs it, since when, and whether the model scores there as it should.
import { Link } from "@tanstack/react-router";
import type { ModelDetail } from "@/api/models";
import { EmptyState } from "@/components/EmptyState";
import { Facts } from "@/components/Facts";
import { Section } from "@/components/Section";
import { TimeAgo } from "@/components/TimeAgo";
import { useMessages } from "@/i18n";
import { useFormat } from "@/lib/use-format";

const ID_SHOWN = 8;

export function AgentOfModel({ model }: { model: ModelDetail }) {
  const t = useMessages();
  const { agent } = model;
  return (
    <Section id="model-agent" title={t.models.agents}>
      {agent ? (
        <>
          {agent.refused_reason && (
            <p role="alert" className="mb-3 rounded-md bg-fault-wash px-2.5 py-1.5 text-sm text-fault [overflow-wrap:anywhere]">
              {t.model.refused(agent.refused_reason)}
            </p>
          )}
          <Facts
            facts={[
              [
                t.models.agent,
                <Link key="agent" to="/agents" className="underline underline-offset-2">
                  {agent.name}
                </Link>,
              ],
              [t.models.lastSeen, agent.last_seen_us === null ? t.fleet.never : <TimeAgo us={agent.last_seen_us} />],
              [
                t.models.state,
                <span key="state" data-agent-runs={agent.state}>
                  {t.model.state[agent.state]}
                  {agent.on_probation && ` · ${t.model.probation}`}
                </span>,
              ],
              [
                t.models.golden,
                <span key="golden" data-golden={agent.golden} className={agent.golden === "failed" ? "font-medium text-alarm" : ""}>
                  {t.models.goldenWords[agent.golden]}
                </span>,
              ],
              [t.models.runs, <Runs key="runs" model={model} />],
            ]}
          />
        </>
      ) : (
        <EmptyState title={t.models.noAgent} />
      )}
    </Section>
  );
}

function Runs({ model }: { model: ModelDetail }) {
  const t = useMessages();
  const format = useFormat();
  if (model.runs.length === 0) return t.models.runNone;
  return model.runs.map((run) => (
    <span key={run.began_us} data-run={run.ended_us === null ? "open" : "ended"} className="block">
      {run.ended_us === null ? t.models.runFrom(format.dateTime(run.began_us)) : format.span(run.began_us, run.ended_us)}
      {run.agent_id !== model.agent?.id && <span className="block text-xs text-faint">{t.models.runOther(run.agent_id.slice(0, ID_SHOWN))}</span>}
    </span>
  ));
}
