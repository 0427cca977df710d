// The empty fleet: how to enrol the first agent.
import { Command } from "@/components/Command";
import { useMessages } from "@/i18n";

function Step({ lead, command }: { lead: string; command: string }) {
  return (
    <li className="min-w-0">
      <p className="mb-1 text-sm text-soft">{lead}</p>
      <Command command={command} />
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
        <Step lead={t.fleet.emptyCollector} command="audiosense-collector enrolment-key create" />
        <Step lead={t.fleet.emptyAgent} command="audiosense-agent enroll KEY" />
      </ol>
      <p className="mt-4 text-sm text-faint">{t.fleet.emptyRun}</p>
    </section>
  );
}
