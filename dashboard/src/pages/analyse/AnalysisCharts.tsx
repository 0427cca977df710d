// Score, spectrogram and a chosen feature over the recording's own time, with one cursor, and the sound where it is here.
import { getRouteApi } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import type { Analysis } from "@/api/analyses";
import { featuresQuery } from "@/api/queries";
import { ChartPanel } from "@/components/ChartPanel";
import { useMessages } from "@/i18n";
import { anomalousSpans } from "@/lib/analysis-verdict";
import { TimeView } from "@/lib/time-view";
import { useFormat } from "@/lib/use-format";
import { featureLabel } from "@/lib/feature-names";
import type { Judgement } from "./judgement";
import type { Player } from "./player";
import { PlayBar, PlayCursor } from "./PlayBar";
import { RecordingSpectrogram } from "./RecordingSpectrogram";

const route = getRouteApi("/analyse/$analysisId");
/** A view shows ten seconds at least: what is hardly longer is shown whole. */
const ZOOMABLE_S = 20;

export interface ChartsShared {
  range: TimeView | readonly [number, number];
  syncKey: string;
  subject: string;
}

function makeRange(durationS: number): ChartsShared["range"] {
  if (durationS < ZOOMABLE_S) return [0, durationS];
  const view = new TimeView({ fromS: 0, toS: durationS, live: false }, () => durationS);
  view.subscribe(() => {
    const { fromS, toS } = view.shown;
    if (fromS < 0) view.set({ fromS: 0, toS: Math.min(durationS, toS - fromS), live: false });
  });
  return view;
}

interface Props {
  analysis: Analysis;
  judgement: Judgement | null;
  player: Player;
}

export function AnalysisCharts({ analysis, judgement, player }: Props) {
  const t = useMessages();
  const format = useFormat();
  const durationS = analysis.format.duration_s;
  const shared = useMemo(() => ({ range: makeRange(durationS), syncKey: `analysis-${analysis.id}`, subject: analysis.filename }), [durationS, analysis.id, analysis.filename]);
  const middles = useMemo(() => analysis.start_s.map((start) => Math.min(start + analysis.window_s / 2, (start + durationS) / 2)), [analysis, durationS]);
  const spans = useMemo(
    () => (judgement ? anomalousSpans(analysis.start_s, Math.min(analysis.window_s, durationS), judgement.anomalous) : []),
    [analysis, judgement, durationS],
  );
  const lines = useMemo(
    () =>
      judgement && [
        { label: t.machine.seriesScore, color: "--chart-1", values: judgement.score, points: true },
        { label: t.machine.seriesThreshold, color: "--alarm", values: judgement.score.map(() => judgement.threshold), dashed: true },
      ],
    [judgement, t],
  );
  const note = t.analyse.perWindow(format.withUnit(analysis.window_s, Number.isInteger(analysis.window_s) ? 0 : 2, "s"));
  return (
    <section aria-label={t.analyse.charts} className="flex min-w-0 flex-col gap-3">
      <h2 className="sr-only">{t.analyse.charts}</h2>
      <PlayBar player={player} durationS={durationS} />
      <div className="relative flex min-w-0 flex-col gap-3">
        {lines && <ChartPanel {...shared} title={t.machine.chartScore} timeS={middles} series={lines} spans={spans} unit="" digits={3} note={note} />}
        <RecordingSpectrogram {...shared} analysis={analysis} spans={spans} />
        <PickedFeature {...shared} analysis={analysis} timeS={middles} note={note} />
        <PlayCursor player={player} range={shared.range} />
      </div>
    </section>
  );
}

function PickedFeature({ analysis, timeS, note, ...shared }: ChartsShared & { analysis: Analysis; timeS: readonly number[]; note: string }) {
  const t = useMessages();
  const { feature: name } = route.useSearch();
  const { schema_id: schema, names, values } = analysis.features;
  const known = useQuery(featuresQuery(schema));
  const feature = known.data?.find((each) => each.name === name);
  const column = name === undefined ? -1 : names.indexOf(name);
  const label = feature ? featureLabel(feature, t) : (name ?? "");
  const lines = useMemo(() => [{ label, color: "--chart-4", values: values.map((row) => row[column] ?? null), points: true }], [label, values, column]);
  if (column < 0 || !feature) return null;
  return <ChartPanel {...shared} title={label} timeS={timeS} series={lines} unit={feature.unit} digits={2} height={150} note={note} />;
}
