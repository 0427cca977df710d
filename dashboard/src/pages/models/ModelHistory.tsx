// All models of a sensor, each with the way to it and to its comparison with the one that is shown.
import { Link } from "@tanstack/react-router";
import type { ModelDetail } from "@/api/models";
import type { ModelSummary } from "@/api/types";
import { Section } from "@/components/Section";
import { useMessages } from "@/i18n";
import { shortDigest } from "@/lib/digest";
import { useFormat } from "@/lib/use-format";

interface Props {
  model: ModelDetail;
  others: readonly ModelSummary[];
}

export function ModelHistory({ model, others }: Props) {
  const t = useMessages();
  return (
    <Section id="model-history" title={t.models.history}>
      <ul className="flex flex-col text-sm">
        {others.toSorted((a, b) => b.version - a.version).map((each) => (
          <Line key={each.digest} model={each} shown={model.digest} />
        ))}
      </ul>
    </Section>
  );
}

function Line({ model, shown }: { model: ModelSummary; shown: string }) {
  const t = useMessages();
  const format = useFormat();
  const version = format.number(model.version);
  const last = model.runs.at(-1);
  const ran = !last
    ? null
    : last.ended_us === null
      ? t.models.runFrom(format.dateTime(last.began_us))
      : format.span(last.began_us, last.ended_us);
  return (
    <li data-model={model.digest} className="flex items-center justify-between gap-3 border-b border-line py-2 first:pt-0 last:border-0 last:pb-0">
      <span className="min-w-0">
        <Link to="/models/$digest" params={{ digest: model.digest }} className="font-medium underline-offset-2 hover:underline">
          {t.models.version(version)}
        </Link>
        <span className="text-faint"> · {t.model.state[model.state]}</span>
        <span className="block text-xs text-faint">
          <code className="font-mono">{shortDigest(model.digest)}</code> · {format.dateTime(model.created_us)}
        </span>
        {ran && (
          <span className="block text-xs text-faint">
            {t.models.runs} {ran}
          </span>
        )}
        {model.refused_reason && <span className="block text-xs text-fault [overflow-wrap:anywhere]">{t.model.refused(model.refused_reason)}</span>}
      </span>
      {model.digest === shown ? (
        <span className="shrink-0 text-xs text-faint">{t.models.thisOne}</span>
      ) : (
        <Link to="/models/compare" search={{ a: shown, b: model.digest }} aria-label={t.models.compareWith(version)} className="button shrink-0">
          {t.models.compareThis}
        </Link>
      )}
    </li>
  );
}
