// How small a fault the sensor's model would hear, kind by kind.
import { useQuery } from "@tanstack/react-query";
import { detectabilityQuery } from "@/api/queries";
import type { SensorDetail } from "@/api/types";
import { ErrorState } from "@/components/ErrorState";
import { KindsHeard } from "@/components/model/KindsHeard";
import { Section } from "@/components/Section";
import { useMessages } from "@/i18n";
import { useFormat } from "@/lib/use-format";

export function DetectabilityPanel({ sensor }: { sensor: SensorDetail }) {
  const t = useMessages();
  const format = useFormat();
  const found = useQuery(detectabilityQuery(sensor.id));
  const report = found.data?.report;
  return (
    <Section id="detectability" title={t.detectability.title} folded>
      <div data-detectability={found.data?.state}>
        {found.isError && !found.data && <ErrorState error={found.error} onRetry={() => void found.refetch()} />}
        {found.data?.state === "no_model" && <p className="text-sm text-faint">{t.detectability.none}</p>}
        {found.data?.state === "computing" && <p className="text-sm text-soft">{t.detectability.computing}</p>}
        {found.data?.state === "unavailable" && (
          <p className="text-sm text-soft">{t.detectability.unavailable(found.data.reason ?? "")}</p>
        )}
        {found.data?.state === "waiting" && (
          <>
            <p className="text-sm text-soft">{t.detectability.waiting}</p>
            <p className="mt-2 text-xs text-faint">{t.detectability.waitingHint}</p>
          </>
        )}
        {report && (
          <>
            <p className="mb-3 text-xs text-faint">{t.detectability.lead}</p>
            <KindsHeard kinds={report.kinds} rateHz={sensor.sample_rate_hz} />
            <p className="mt-3 text-xs text-faint">
              {t.detectability.basis(format.number(report.windows), format.withUnit(100 * report.false_alarm_rate, 1, t.unit.percent))}
            </p>
          </>
        )}
      </div>
    </Section>
  );
}
