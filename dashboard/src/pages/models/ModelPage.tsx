// One model: what it is, who runs it, what it hears, and what can be done with it.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { type ModelDetail, modelQuery, modelsOfSensorQuery } from "@/api/models";
import { ErrorState } from "@/components/ErrorState";
import { ChevronIcon } from "@/components/icons";
import { KindsHeard } from "@/components/model/KindsHeard";
import { Section } from "@/components/Section";
import { SkeletonPanels } from "@/components/Skeleton";
import { useMessages } from "@/i18n";
import { useFormat } from "@/lib/use-format";
import { AgentOfModel } from "./AgentOfModel";
import { Evaluations } from "./Evaluations";
import { Jobs } from "./Jobs";
import { ModelActions } from "./ModelActions";
import { ModelFacts } from "./ModelFacts";
import { ModelHistory } from "./ModelHistory";
import { sensorWords } from "./model-words";

const route = getRouteApi("/models/$digest");

export function ModelPage() {
  const t = useMessages();
  const { digest } = route.useParams();
  const model = useQuery(modelQuery(digest));
  const format = useFormat();
  const title = model.data ? t.models.version(format.number(model.data.version)) : t.loading;
  return (
    <>
      <title>{`${title} · ${t.app.name}`}</title>
      <Link to="/models" className="back">
        <ChevronIcon />
        {t.models.back}
      </Link>
      {model.isPending && (
        <div className="flex flex-col gap-3">
          <SkeletonPanels count={3} className="h-40" />
        </div>
      )}
      {model.isError && !model.data && <ErrorState error={model.error} onRetry={() => void model.refetch()} />}
      {model.data && <Model key={digest} model={model.data} />}
    </>
  );
}

function Model({ model }: { model: ModelDetail }) {
  const t = useMessages();
  const format = useFormat();
  const others = useQuery(modelsOfSensorQuery(model.sensor_id)).data ?? [];
  const { place } = model;
  return (
    <>
      <div className="mb-3 flex flex-wrap items-center gap-x-4 gap-y-1">
        <h1 className="min-w-0 text-xl font-semibold tracking-tight [overflow-wrap:anywhere]">
          {sensorWords(place, t)}: {t.models.version(format.number(model.version))}
        </h1>
        <span data-model-state={model.state} className="font-medium text-soft">
          {t.model.state[model.state]}
          {model.on_probation && ` · ${t.model.probation}`}
        </span>
        <span className="text-sm text-faint">{place.site_name}</span>
        <Link to="/machines/$machineId" params={{ machineId: place.machine_id }} search={{ sensor: place.sensor_id }} className="button ml-auto">
          {t.models.machine}
        </Link>
      </div>
      <div className="grid grid-cols-[minmax(0,1fr)] gap-3 lg:grid-cols-[minmax(0,1fr)_24rem] xl:grid-cols-[minmax(0,1fr)_32rem]">
        <div className="flex min-w-0 flex-col gap-3">
          <ModelActions model={model} others={others} />
          <Evaluations model={model} others={others} />
          <ModelHistory model={model} others={others} />
          <Heard model={model} />
        </div>
        <div className="flex min-w-0 flex-col gap-3">
          <AgentOfModel model={model} />
          <ModelFacts model={model} others={others} />
          <Jobs sensorId={model.sensor_id} />
        </div>
      </div>
    </>
  );
}

function Heard({ model }: { model: ModelDetail }) {
  const t = useMessages();
  const format = useFormat();
  const report = model.detectability;
  return (
    <Section id="model-heard" title={t.detectability.title}>
      {report ? (
        <>
          <KindsHeard kinds={report.kinds} rateHz={model.sample_rate_hz} />
          <p className="mt-3 text-xs text-faint">
            {t.detectability.basis(format.number(report.windows), format.withUnit(100 * report.false_alarm_rate, 1, t.unit.percent))}
          </p>
        </>
      ) : (
        <Unheard reason={model.detectability_reason} />
      )}
    </Section>
  );
}

function Unheard({ reason }: { reason: string | null }) {
  const t = useMessages();
  if (reason) return <p className="text-sm text-soft">{t.detectability.unavailable(reason)}</p>;
  return (
    <>
      <p className="text-sm text-soft">{t.detectability.waiting}</p>
      <p className="mt-2 text-xs text-faint">{t.detectability.waitingHint}</p>
    </>
  );
}
