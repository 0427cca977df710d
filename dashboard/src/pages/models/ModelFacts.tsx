// What a model's manifest tells: origin, threshold, features, signature.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { bundleAddress, type ModelDetail } from "@/api/models";
import { featuresQuery } from "@/api/queries";
import type { ModelSummary } from "@/api/types";
import { Copy } from "@/components/Copy";
import { Facts } from "@/components/Facts";
import { baselineWords } from "@/components/model/baseline-words";
import { thresholdWords } from "@/components/model/threshold-words";
import { NeedsRole } from "@/components/NeedsRole";
import { Section } from "@/components/Section";
import { useMessages } from "@/i18n";
import { shortDigest } from "@/lib/digest";
import { featureLabel } from "@/lib/feature-names";
import { useFormat } from "@/lib/use-format";
import { detectorName, detectorReasons, excludedWords } from "./model-words";

const KIB = 1024;

interface Props {
  model: ModelDetail;
  others: readonly ModelSummary[];
}

export function ModelFacts({ model, others }: Props) {
  const t = useMessages();
  return (
    <Section id="model-facts" title={t.models.facts}>
      <MainFacts model={model} others={others} />
      <Features model={model} />
      <div className="mt-3">
        <NeedsRole role="operator">
          <Download digest={model.digest} />
        </NeedsRole>
      </div>
    </Section>
  );
}

function MainFacts({ model, others }: Props) {
  const t = useMessages();
  const format = useFormat();
  const { baseline, threshold, evaluation } = model;
  const heard = baselineWords(baseline, t, format);
  const facts: (readonly [string, ReactNode])[] = [
    [t.model.digest, <Digest key="digest" digest={model.digest} />],
    ...(model.pushed_from ? [[t.models.pushedFrom, <Origin key="origin" digest={model.pushed_from} others={others} />] as const] : []),
    [t.model.created, format.dateTime(model.created_us)],
    [t.model.trained, <Below key="trained" main={t.model.trainedValue(format.number(baseline.windows))} below={[format.span(baseline.from_us, baseline.to_us)]} />],
    [t.models.excluded, excludedWords(model, t, format)],
    ...(heard.length > 0 ? [[t.baseline.title, <Below key="heard" main={heard[0] ?? ""} below={heard.slice(1)} />] as const] : []),
    [t.model.detector, <Below key="detector" main={detectorName(model.detector, t)} below={detectorReasons(model, t, format)} />],
    [t.model.threshold, <Below key="threshold" main={format.number(threshold.value, 4)} below={[thresholdWords(threshold, t, format.locale)]} />],
    [
      t.models.calibration,
      t.models.calibrationValue(format.score(evaluation.held_out_median), format.score(evaluation.held_out_p99), format.score(evaluation.held_out_max)),
    ],
    [t.models.debouncing, t.models.debouncingValue(format.number(model.debouncing.k), format.number(model.debouncing.n))],
    [t.models.level, format.withUnit(model.running_level_dbfs, 1, t.unit.dbfs)],
    [t.models.window, format.withUnit(model.window_s, model.window_s % 1 ? 1 : 0, "s")],
    [t.models.rate, format.hertz(model.sample_rate_hz)],
    [t.models.signedBy, <code key="key" className="font-mono text-xs">{model.signing_key}</code>],
    [t.models.installBefore, format.dateTime(model.install_before_us)],
    [t.models.size, format.withUnit(model.size_bytes / KIB, 0, "KiB")],
  ];
  return <Facts facts={facts} />;
}

function Digest({ digest }: { digest: string }) {
  const t = useMessages();
  return (
    <span className="inline-flex items-center gap-1">
      <code className="font-mono text-xs" title={digest}>
        {shortDigest(digest)}
      </code>
      <Copy text={digest} label={t.model.copy} />
    </span>
  );
}

function Origin({ digest, others }: { digest: string; others: readonly ModelSummary[] }) {
  const t = useMessages();
  const format = useFormat();
  const origin = others.find((each) => each.digest === digest);
  return (
    <Link to="/models/$digest" params={{ digest }} className="underline underline-offset-2">
      {origin ? t.models.version(format.number(origin.version)) : shortDigest(digest)}
    </Link>
  );
}

function Below({ main, below }: { main: string; below: readonly string[] }) {
  return (
    <span>
      {main}
      {below.map((line) => (
        <span key={line} className="block text-xs text-faint">
          {line}
        </span>
      ))}
    </span>
  );
}

function Features({ model }: { model: ModelDetail }) {
  const t = useMessages();
  const format = useFormat();
  const known = useQuery(featuresQuery(model.schema_id)).data ?? [];
  const names = new Map(known.map((feature) => [feature.name, featureLabel(feature, t)]));
  return (
    <details className="mt-3 text-sm">
      <summary className="min-h-6 py-1 text-soft">{t.models.features(format.number(model.features.length))}</summary>
      <p className="mt-1 text-xs text-faint">
        {t.models.schema}: <code className="font-mono">{model.schema_id}</code>
      </p>
      <ul className="mt-1 max-h-72 overflow-auto text-xs text-soft" tabIndex={0} aria-label={t.models.features(format.number(model.features.length))}>
        {model.features.map((name) => (
          <li key={name}>{names.get(name) ?? name}</li>
        ))}
      </ul>
    </details>
  );
}

/** A link where it may be followed, else a button that a fieldset can disable. */
function Download({ digest }: { digest: string }) {
  const t = useMessages();
  return (
    <button type="button" className="button" onClick={() => window.location.assign(bundleAddress(digest))}>
      {t.models.download}
    </button>
  );
}
