// Two models side by side: origin, threshold, features, what they hear, and what they make of the same stored windows.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { evaluationsQuery, type ModelDetail, modelQuery, modelsOfSensorQuery } from "@/api/models";
import { EmptyState } from "@/components/EmptyState";
import { ErrorState } from "@/components/ErrorState";
import { ChevronIcon } from "@/components/icons";
import { Section } from "@/components/Section";
import { SkeletonPanels } from "@/components/Skeleton";
import { useMessages } from "@/i18n";
import type { CompareSearch } from "@/lib/models-search";
import { useFormat } from "@/lib/use-format";
import { EvaluateForm } from "./EvaluateForm";
import { EvaluationItem } from "./Evaluations";
import { SideBySide } from "./SideBySide";
import { sensorWords } from "./model-words";

const route = getRouteApi("/models/compare");

export function ComparePage() {
  const t = useMessages();
  const { a, b } = route.useSearch();
  return (
    <>
      <title>{`${t.models.compare} · ${t.app.name}`}</title>
      <Link to="/models" className="back">
        <ChevronIcon />
        {t.models.back}
      </Link>
      <h1 className="text-xl font-semibold tracking-tight">{t.models.compare}</h1>
      <p className="mb-3 text-sm text-faint">{t.models.compareLead}</p>
      {a !== undefined && b !== undefined ? (
        <Both a={a} b={b} />
      ) : (
        <div className="panel">
          <EmptyState title={t.models.choose}>
            <Link to="/models" className="button mt-1">
              {t.models.back}
            </Link>
          </EmptyState>
        </div>
      )}
    </>
  );
}

function Both({ a, b }: Required<CompareSearch>) {
  const first = useQuery(modelQuery(a));
  const second = useQuery(modelQuery(b));
  const failed = [first, second].find((each) => each.isError && !each.data);
  if (failed) return <ErrorState error={failed.error} onRetry={() => void failed.refetch()} />;
  if (!first.data || !second.data) {
    return (
      <div className="flex flex-col gap-3">
        <SkeletonPanels count={2} className="h-40" />
      </div>
    );
  }
  return <Comparison first={first.data} second={second.data} />;
}

function Comparison({ first, second }: { first: ModelDetail; second: ModelDetail }) {
  const t = useMessages();
  const isOneSensor = first.sensor_id === second.sensor_id;
  return (
    <div className="flex min-w-0 flex-col gap-3">
      <Pickers first={first} second={second} />
      {first.digest === second.digest ? (
        <p className="panel p-4 text-sm text-soft">{t.models.same}</p>
      ) : (
        <>
          {isOneSensor ? <SameWindows key={`${first.digest} ${second.digest}`} first={first} second={second} /> : <p className="panel p-4 text-sm text-soft">{t.models.otherSensor}</p>}
          <Section id="models-side" title={t.models.sideBySide}>
            <SideBySide first={first} second={second} />
          </Section>
        </>
      )}
    </div>
  );
}

function Pickers({ first, second }: { first: ModelDetail; second: ModelDetail }) {
  const t = useMessages();
  const navigate = route.useNavigate();
  const change = (search: CompareSearch) => void navigate({ search: (old) => ({ ...old, ...search }), replace: true, resetScroll: false });
  return (
    <div className="flex flex-wrap items-end gap-2">
      <Picker label={t.models.first} model={first} onPick={(a) => change({ a })} />
      <Picker label={t.models.second} model={second} onPick={(b) => change({ b })} />
      <button type="button" className="button" onClick={() => change({ a: second.digest, b: first.digest })}>
        {t.models.swap}
      </button>
    </div>
  );
}

function Picker({ label, model, onPick }: { label: string; model: ModelDetail; onPick: (digest: string) => void }) {
  const t = useMessages();
  const format = useFormat();
  const models = useQuery(modelsOfSensorQuery(model.sensor_id)).data ?? [model];
  return (
    <label className="flex min-w-0 flex-col gap-1">
      <span className="label">
        {label} · {sensorWords(model.place, t)}
      </span>
      <select className="field max-w-full" value={model.digest} onChange={(event) => onPick(event.target.value)}>
        {models.toSorted((x, y) => y.version - x.version).map((each) => (
          <option key={each.digest} value={each.digest}>
            {`${t.models.version(format.number(each.version))} · ${t.model.state[each.state]}`}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Evaluations of either one beside the other, the newest first. */
function SameWindows({ first, second }: { first: ModelDetail; second: ModelDetail }) {
  const t = useMessages();
  const ofFirst = useQuery(evaluationsQuery(first.digest)).data ?? [];
  const ofSecond = useQuery(evaluationsQuery(second.digest)).data ?? [];
  const pairs = [
    ...ofFirst.filter((each) => (each.report?.compared?.digest ?? each.compare_with) === second.digest),
    ...ofSecond.filter((each) => (each.report?.compared?.digest ?? each.compare_with) === first.digest),
  ].toSorted((x, y) => y.asked_us - x.asked_us);
  return (
    <Section id="models-windows" title={t.models.evaluations}>
      <p className="mb-2 text-xs text-faint">{t.models.evaluateLead}</p>
      <EvaluateForm digest={first.digest} other={second.digest} />
      {pairs.length === 0 && <p className="mt-3 text-sm text-faint">{t.models.noEvaluations}</p>}
      <ul className="mt-1">
        {pairs.map((each, index) => (
          <EvaluationItem key={each.id} evaluation={each} isOpen={index === 0} />
        ))}
      </ul>
    </Section>
  );
}
