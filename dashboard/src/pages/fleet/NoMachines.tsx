// The empty fleet: how to enrol the first agent.
import { Copy } from "@/components/Copy";
import { useMessages } from "@/i18n";

function Command({ lead, command }: { lead: string; command: string }) {
  const t = useMessages();
  return (
    <li className="min-w-0">
      <p className="mb-1 text-sm text-soft">{lead}</p>
      <div className="flex items-center gap-1 rounded-md border border-line bg-raised pr-1 pl-3">
        <code className="min-w-0 flex-1 py-2 font-mono text-sm [overflow-wrap:anywhere]">{command}</code>
        <Copy text={command} label={t.fleet.copy} />
      </div>
    </li>
  );
}

export function NoMachines() {
  const t = useMessages();
  return (
    <section className="panel mx-auto max-w-2xl p-5 sm:p-7">
      <h2 className="text-lg font-semibold">{t.fleet.empty}</h2>
      <p className="mt-1 mb-4 text-soft">{t.fleet.emptyLead}</p>
      <ol className="flex flex-col gap-4">
        <Command lead={t.fleet.emptyCollector} command="audiosense-collector enrolment-key create" />
        <Command lead={t.fleet.emptyAgent} command="audiosense-agent enroll KEY" />
      </ol>
      <p className="mt-4 text-sm text-faint">{t.fleet.emptyRun}</p>
    </section>
  );
}
