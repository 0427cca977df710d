// The evaluations of a model on stored windows: ask for one, see it at work, read its figures.
import { useQuery } from "@tanstack/react-query";
import { type Evaluation, evaluationsQuery, type ModelDetail } from "@/api/models";
import type { ModelSummary } from "@/api/types";
import { ErrorState } from "@/components/ErrorState";
import { Section } from "@/components/Section";
import { JobBar } from "@/components/model/JobBar";
import { TimeAgo } from "@/components/TimeAgo";
import { useMessages } from "@/i18n";
import { useFormat } from "@/lib/use-format";
import { EvaluateForm } from "./EvaluateForm";
import { EvaluationFigures } from "./EvaluationFigures";

const HOUR_US = 3_600e6;

interface Props {
  model: ModelDetail;
  others: readonly ModelSummary[];
}

export function Evaluations({ model, others }: Props) {
  const t = useMessages();
  const found = useQuery(evaluationsQuery(model.digest));
  return (
    <Section id="model-evaluations" title={t.models.evaluations}>
      <p className="mb-2 text-xs text-faint">{t.models.evaluateLead}</p>
      <EvaluateForm digest={model.digest} others={others} />
      {found.isError && !found.data && <ErrorState error={found.error} onRetry={() => void found.refetch()} />}
      {found.data?.length === 0 && <p className="mt-3 text-sm text-faint">{t.models.noEvaluations}</p>}
      <ul className="mt-1">
        {found.data?.map((each, index) => <EvaluationItem key={each.id} evaluation={each} isOpen={index === 0} />)}
      </ul>
    </Section>
  );
}

export function EvaluationItem({ evaluation, isOpen }: { evaluation: Evaluation; isOpen: boolean }) {
  const t = useMessages();
  const format = useFormat();
  const { state, error, report } = evaluation;
  return (
    <li data-evaluation={state} className="mt-3 border-t border-line pt-3 text-sm">
      <p className="flex flex-wrap justify-between gap-x-3">
        <span className="font-medium">{format.span(evaluation.from_us, evaluation.to_us)}</span>
        <span className="text-xs text-faint">
          <TimeAgo us={evaluation.asked_us}>{t.models.asked}</TimeAgo> · {t.models.jobState[state]}
        </span>
      </p>
      {(state === "waiting" || state === "running") && <JobBar job={evaluation} label={t.models.evaluating} />}
      {state === "failed" && <p className="text-alarm [overflow-wrap:anywhere]">{t.models.evaluationFailed(error ?? "")}</p>}
      {report && (
        <details open={isOpen}>
          <summary className="min-h-6 py-1 text-soft">
            {t.models.windowsValue(t.model.trainedValue(format.number(report.windows)), format.duration(report.hours * HOUR_US))}
          </summary>
          <EvaluationFigures report={report} />
        </details>
      )}
    </li>
  );
}
