// Which address an enrolment key carries, and what to set where agents will not get there.
import { useMessages } from "@/i18n";
import { addressTrouble, suggestedAddress } from "@/lib/enrolment";

export function AddressNote({ address }: { address: string }) {
  const t = useMessages();
  const host = window.location.hostname;
  const trouble = addressTrouble(address, host);
  if (trouble === null) return <p className="text-xs text-faint [overflow-wrap:anywhere]">{t.enrol.address(address)}</p>;
  const setting = `AUDIOSENSE_AGENT_URL=${suggestedAddress(address, host)}`;
  return (
    <p data-address-trouble={trouble} className="rounded-md bg-warning-wash px-3 py-2 text-sm [overflow-wrap:anywhere]">
      <span aria-hidden className="text-warning">
        {"▲ "}
      </span>
      {t.enrol.trouble[trouble](address, host)} <code className="font-mono">{setting}</code>
    </p>
  );
}
