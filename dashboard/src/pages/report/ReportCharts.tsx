// Score and level of the last day or week.
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { seriesQuery } from "@/api/queries";
import type { SensorDetail } from "@/api/types";
import { ChartPanel } from "@/components/ChartPanel";
import { ErrorState } from "@/components/ErrorState";
import { SkeletonPanels } from "@/components/Skeleton";
import { useMessages } from "@/i18n";
import { levelDigits, levelTitle } from "@/lib/levels";
import { RANGE_US, type ReportSearch } from "@/lib/ranges";
import { useFormat } from "@/lib/use-format";
import { levelLines, resolution, scoreLines } from "@/pages/machine/series-lines";
import { useOverlays } from "@/pages/machine/use-overlays";

const US = 1e6;
const HEIGHT_PX = 130;

interface Props {
  machineId: string;
  sensor: SensorDetail;
  range: NonNullable<ReportSearch["range"]>;
  toUs: number;
}

export function ReportCharts({ machineId, sensor, range, toUs }: Props) {
  const t = useMessages();
  const format = useFormat();
  const to = Math.round(toUs);
  const from = to - RANGE_US[range];
  const query = useQuery(seriesQuery(sensor.id, { span: { from_us: from, to_us: to }, features: [] }, () => to));
  const overlays = useOverlays(machineId, sensor);
  const series = query.data;
  const shown = useMemo(() => [from / US, to / US] as const, [from, to]);
  const timeS = useMemo(() => series?.time_us.map((at) => at / US) ?? [], [series]);
  const scores = useMemo(() => (series ? scoreLines(series, null, t) : []), [series, t]);
  const levels = useMemo(() => (series ? levelLines(series, null, t) : []), [series, t]);
  if (query.isError && !series) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  if (!series) return <SkeletonPanels count={2} className="h-28" />;
  if (timeS.length === 0) return <p className="text-sm text-faint">{t.machine.noData}</p>;
  const common = { ...overlays, timeS, range: shown, syncKey: "report", height: HEIGHT_PX };
  return (
    <>
      <h2 className="sr-only">{t.view.charts}</h2>
      {series.score.some((score) => score !== null) && (
        <ChartPanel {...common} note={resolution(series, "score", t, format)} title={`${t.machine.chartScore}, ${sensor.name}`} series={scores} unit="" digits={3} />
      )}
      <ChartPanel {...common} note={resolution(series, "level", t, format)} title={`${levelTitle(series, t)}, ${sensor.name}`} series={levels} unit={series.unit} digits={levelDigits(series.unit)} />
    </>
  );
}
