// The model in use: where it comes from, its threshold, and what can be done with it.
import { Link } from "@tanstack/react-router";
import type { ModelSummary, SensorDetail } from "@/api/types";
import { Copy } from "@/components/Copy";
import { EmptyState } from "@/components/EmptyState";
import { Facts } from "@/components/Facts";
import { baselineWords } from "@/components/model/baseline-words";
import { thresholdWords, words } from "@/components/model/threshold-words";
import { TrainForm } from "@/components/model/TrainForm";
import { Section } from "@/components/Section";
import { useMessages } from "@/i18n";
import { shortDigest } from "@/lib/digest";
import { useFormat } from "@/lib/use-format";

export function ModelPanel({ sensor }: { sensor: SensorDetail }) {
  const t = useMessages();
  const format = useFormat();
  const linked = sensor.model ?? sensor.models[0];
  return (
    <Section id="model" title={t.model.title}>
      {sensor.model ? (
        <ModelFacts model={sensor.model} />
      ) : (
        <EmptyState title={t.model.none}>
          {sensor.learning && t.model.noneHint(format.number(sensor.learning.needed))}
        </EmptyState>
      )}
      {sensor.models
        .filter((model) => model.refused_reason !== null && model.digest !== sensor.model?.digest)
        .map((model) => (
          <p key={model.digest} role="alert" className="mt-3 rounded-md bg-fault-wash px-2.5 py-1.5 text-sm text-fault">
            {t.models.refusedVersion(format.number(model.version), model.refused_reason ?? "")}
          </p>
        ))}
      {sensor.training_error && (
        <p role="alert" className="mt-3 text-sm text-warning">
          {t.train.failed(sensor.training_error)}
        </p>
      )}
      <TrainForm sensorId={sensor.id} budget={sensor.false_alarms_per_week} />
      {linked && (
        <Link to="/models/$digest" params={{ digest: linked.digest }} className="mt-3 inline-flex min-h-6 items-center text-sm underline underline-offset-2">
          {t.models.all}
        </Link>
      )}
    </Section>
  );
}

function ModelFacts({ model }: { model: ModelSummary }) {
  const t = useMessages();
  const format = useFormat();
  const { baseline, threshold } = model;
  const heard = baselineWords(baseline, t, format);
  return (
    <>
      {model.refused_reason && (
        <p role="alert" className="mb-3 rounded-md bg-fault-wash px-2.5 py-1.5 text-sm text-fault">
          {t.model.refused(model.refused_reason)}
        </p>
      )}
      <Facts
        facts={[
          [
            t.model.version(format.number(model.version)),
            <span key="state" data-model-state={model.state}>
              {t.model.state[model.state]}
              {model.on_probation && (
                <span className="ml-2 rounded-md bg-raised px-1.5 py-0.5 text-xs text-soft" title={t.model.probationHint} data-model-probation>
                  {t.model.probation}
                </span>
              )}
            </span>,
          ],
          [t.model.detector, t.model.detectors[model.detector] ?? words(model.detector)],
          [t.model.trained, <Span key="span" lead={t.model.trainedValue(format.number(baseline.windows))} from={baseline.from_us} to={baseline.to_us} />],
          [
            t.model.threshold,
            <span key="threshold">
              {format.number(threshold.value, 4)}
              <span className="block text-xs text-faint">
                {thresholdWords(threshold, t, format.locale)}
              </span>
            </span>,
          ],
          ...(heard.length > 0
            ? [
                [
                  t.baseline.title,
                  heard.map((line) => (
                    <span key={line} className="block">
                      {line}
                    </span>
                  )),
                ] as const,
              ]
            : []),
          [
            t.model.digest,
            <span key="digest" className="inline-flex items-center gap-1">
              <code className="font-mono text-xs" title={model.digest}>
                {shortDigest(model.digest)}
              </code>
              <Copy text={model.digest} label={t.model.copy} />
            </span>,
          ],
        ]}
      />
    </>
  );
}

function Span({ lead, from, to }: { lead: string; from: number; to: number }) {
  const format = useFormat();
  return (
    <span>
      {lead}
      <span className="block text-xs text-faint">
        {format.span(from, to)}
      </span>
    </span>
  );
}
