// Whether the sensor hears as it should, and how its agent is: self-checks with remedies, apart from the machine.
import { useQuery } from "@tanstack/react-query";
import type { SensorDetail } from "@/api/types";
import { checksQuery } from "@/api/queries";
import { Checks } from "@/components/Checks";
import { explain } from "@/components/ErrorState";
import { Section } from "@/components/Section";
import { SensorHealth } from "@/components/SensorHealth";
import { useMessages } from "@/i18n";

export function SensorHealthPanel({ sensor }: { sensor: SensorDetail }) {
  const t = useMessages();
  const { agent_id: agent } = sensor;
  return (
    <Section id="health" title={t.checks.title} badge={<SensorHealth health={sensor.health} />}>
      <p className="mb-3 text-xs text-faint">{t.checks.lead}</p>
      {agent ? <OfAgent agent={agent} sensor={sensor} /> : <p className="text-sm text-faint">{t.checks.noAgent}</p>}
    </Section>
  );
}

function OfAgent({ agent, sensor }: { agent: string; sensor: SensorDetail }) {
  const t = useMessages();
  const found = useQuery(checksQuery(agent));
  if (!found.data) return <p className="text-sm text-faint">{found.isError ? explain(found.error, t) : t.checks.loading}</p>;
  const checks = found.data.filter((check) => check.sensor_id === null || check.sensor_id === sensor.id);
  if (checks.length > 0) return <Checks checks={checks} />;
  return <p className="text-sm text-faint">{sensor.last_heard_us === null ? t.checks.notYet : t.checks.none}</p>;
}
