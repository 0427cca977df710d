// Why a sensor is anomalous now: how its sound differs from the baseline.
import type { SensorDetail } from "@/api/types";
import { Reasons } from "@/components/Reasons";
import { useMessages } from "@/i18n";

export function WhyStrip({ sensor }: { sensor: SensorDetail }) {
  const t = useMessages();
  const alarm = sensor.status === "alarm";
  if (!sensor.reasons || !(alarm || sensor.status === "anomalous")) return null;
  return (
    <section
      aria-label={t.reasons.why}
      className={`mb-3 flex flex-col gap-x-5 gap-y-1 rounded-lg border-l-[3px] px-4 py-2.5 sm:flex-row sm:items-baseline ${alarm ? "border-alarm bg-alarm-wash" : "border-warning bg-warning-wash"}`}
    >
      <h2 className={`font-semibold ${alarm ? "text-alarm" : "text-warning"}`}>{t.reasons.why}</h2>
      <Reasons reasons={sensor.reasons} />
    </section>
  );
}
