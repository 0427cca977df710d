// A stored analysis: what the recording is, what a machine's model says of it, how it looks, and what else it sounds like.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { type Analysis, analysisQuery, analysisScoresQuery } from "@/api/analyses";
import { ApiError } from "@/api/client";
import { ErrorState } from "@/components/ErrorState";
import { ChevronIcon } from "@/components/icons";
import { SkeletonPanels } from "@/components/Skeleton";
import { useMessages } from "@/i18n";
import { ElapsedTime } from "@/lib/use-format";
import { AnalysisCharts } from "./AnalysisCharts";
import { AnalysisActions } from "./AnalysisActions";
import { Comparison } from "./Comparison";
import { FeaturesTable } from "./FeaturesTable";
import { FileFacts } from "./FileFacts";
import { judgementOf, ownJudgement } from "./judgement";
import { Player } from "./player";
import { recordingQueue } from "./queue";
import { Strangest } from "./Strangest";
import { VerdictLine } from "./VerdictLine";

const route = getRouteApi("/analyse/$analysisId");

export function AnalysisPage() {
  const t = useMessages();
  const { analysisId } = route.useParams();
  const found = useQuery(analysisQuery(analysisId));
  if (found.isError && found.error instanceof ApiError && [404, 422].includes(found.error.status)) return <Gone />;
  return (
    <>
      <Link to="/analyse" className="back">
        <ChevronIcon />
        {t.analyse.title}
      </Link>
      {found.isError && !found.data && <ErrorState error={found.error} onRetry={() => void found.refetch()} />}
      {found.isPending && (
        <>
          <h1 className="sr-only">{t.analyse.title}</h1>
          <div className="flex flex-col gap-3">
            <SkeletonPanels count={3} className="h-40" />
          </div>
        </>
      )}
      {found.data && <Shown key={found.data.id} analysis={found.data} />}
    </>
  );
}

function Gone() {
  const t = useMessages();
  return (
    <div role="alert" className="panel flex flex-col items-start gap-3 p-4">
      <title>{`${t.analyse.gone} · ${t.app.name}`}</title>
      <h1 className="font-medium">{t.analyse.gone}</h1>
      <p className="max-w-prose text-sm text-soft">{t.analyse.goneHint}</p>
      <Link to="/analyse" className="button">
        {t.analyse.toAnalyses}
      </Link>
    </div>
  );
}

function Shown({ analysis }: { analysis: Analysis }) {
  const t = useMessages();
  const { against } = route.useSearch();
  const other = useQuery({ ...analysisScoresQuery(analysis.id, [against ?? ""]), enabled: against !== undefined });
  const asked = other.data?.items[0];
  const judgement = against === undefined ? ownJudgement(analysis) : asked ? judgementOf(asked) : null;
  const [player] = useState(() => new Player(recordingQueue.fileOf(analysis.id)));
  useEffect(() => () => player.close(), [player]);
  return (
    <>
      <title>{`${analysis.filename} · ${t.app.name}`}</title>
      <div className="mb-3 flex flex-wrap items-start justify-between gap-x-4 gap-y-2">
        <h1 className="min-w-0 text-xl font-semibold tracking-tight [overflow-wrap:anywhere]">{analysis.filename}</h1>
        <AnalysisActions analysis={analysis} />
      </div>
      <div className="flex flex-col gap-3">
        <VerdictLine analysis={analysis} judgement={judgement} asked={asked} waiting={against !== undefined && other.isPending} />
        {against !== undefined && other.isError && <ErrorState error={other.error} onRetry={() => void other.refetch()} />}
        <ElapsedTime.Provider value>
          <AnalysisCharts analysis={analysis} judgement={judgement} player={player} />
        </ElapsedTime.Provider>
        <div className="grid items-start gap-3 lg:grid-cols-2">
          <Strangest analysis={analysis} judgement={judgement} player={player} />
          <FileFacts analysis={analysis} />
        </div>
        <Comparison analysis={analysis} />
        <FeaturesTable analysis={analysis} />
      </div>
    </>
  );
}
