// How far the machine's sound has moved from its model's baseline: slowly, as seasons do, or at once.
import { useQuery } from "@tanstack/react-query";
import { useTrain } from "@/api/mutations";
import { driftQuery } from "@/api/queries";
import type { Drift, SensorDetail } from "@/api/types";
import { ErrorState, explain } from "@/components/ErrorState";
import { SkeletonPanels } from "@/components/Skeleton";
import { NeedsRole } from "@/components/NeedsRole";
import { Section } from "@/components/Section";
import { useMessages } from "@/i18n";
import { useFormat } from "@/lib/use-format";
import { DriftGroups } from "./DriftGroups";
import { JobState } from "@/components/model/TrainForm";

const HOURS = 24;
const DEGREE_TEXT = { stable: "text-faint", slight: "text-warning", marked: "text-alarm" } as const;

export function DriftPanel({ sensor }: { sensor: SensorDetail }) {
  const t = useMessages();
  const drift = useQuery(driftQuery(sensor.id, sensor.model_digest, HOURS));
  return (
    <Section id="drift" title={t.drift.title} folded badge={drift.data?.degree && <Degree degree={drift.data.degree} />}>
      {drift.isPending && <SkeletonPanels count={1} className="h-24" />}
      {drift.isError && !drift.data && <ErrorState error={drift.error} onRetry={() => void drift.refetch()} />}
      {drift.data && <Told drift={drift.data} />}
    </Section>
  );
}

function Degree({ degree }: { degree: NonNullable<Drift["degree"]> }) {
  const t = useMessages();
  return (
    <span className={DEGREE_TEXT[degree]}>
      <span aria-hidden>{degree === "stable" ? "✓ " : "▲ "}</span>
      {t.drift.degree[degree]}
    </span>
  );
}

function Told({ drift }: { drift: Drift }) {
  const t = useMessages();
  const format = useFormat();
  if (drift.missing || drift.verdict === null) return <Missing drift={drift} />;
  const moved = drift.degree !== "stable";
  return (
    <div data-drift={drift.degree} data-verdict={drift.verdict}>
      <p className={`text-sm ${drift.verdict === "sudden" ? "text-warning" : "text-ink"}`}>
        <span aria-hidden>{moved ? "▲ " : "✓ "}</span>
        {t.drift.verdict[drift.verdict]}
        {drift.since_us !== null && ` ${t.drift.since(format.dateTime(drift.since_us))}.`}
        {moved && ` ${t.drift.events(drift.events)}`}
      </p>
      <p className="mb-3 text-xs text-faint">{t.drift.lead(format.number(HOURS), format.number(drift.windows))}</p>
      <DriftGroups drift={drift} />
      {moved && <Advice drift={drift} />}
    </div>
  );
}

function Missing({ drift }: { drift: Drift }) {
  const t = useMessages();
  const format = useFormat();
  const text =
    drift.missing === "no_model" || drift.missing === "no_reference"
      ? t.drift.missing[drift.missing]
      : t.drift.missing.too_few_windows(format.number(drift.windows), format.number(drift.needed_windows));
  return (
    <p data-drift="missing" className="text-sm text-faint">
      {text}
    </p>
  );
}

function Advice({ drift }: { drift: Drift }) {
  const t = useMessages();
  const train = useTrain();
  const windows = drift.baseline_windows ?? undefined;
  return (
    <div className="mt-3 border-t border-line pt-3">
      <p className="mb-2 text-sm text-soft">{t.drift.advice}</p>
      <NeedsRole role="operator">
        <button
          type="button"
          className="button whitespace-normal"
          disabled={train.isPending}
          onClick={() => train.mutate({ sensorId: drift.sensor_id, windows, percentile: undefined, budget: undefined, acceptDrift: false })}
        >
          {t.drift.retrain}
        </button>
      </NeedsRole>
      {train.isError && <p role="alert" className="mt-2 text-sm text-alarm">{t.train.failed(explain(train.error, t))}</p>}
      {train.isSuccess && <JobState jobId={train.data.job_id} />}
    </div>
  );
}
