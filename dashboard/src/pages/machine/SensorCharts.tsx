// The charts of a sensor on one time axis: score against threshold, level, bands, features by choice.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { seriesQuery } from "@/api/queries";
import type { MachineDetail, SensorDetail } from "@/api/types";
import { EmptyState } from "@/components/EmptyState";
import { ErrorState, explain } from "@/components/ErrorState";
import { SkeletonPanels } from "@/components/Skeleton";
import { useMessages } from "@/i18n";
import { serverNowUs } from "@/lib/clock";
import { chosenFeatures, type Range, withoutZoom } from "@/lib/ranges";
import { BandsPanel } from "./BandsPanel";
import { ChartKey } from "./ChartKey";
import { ChartStack } from "./ChartStack";
import { ComparePicker } from "./ComparePicker";
import { FeaturePicker } from "./FeaturePicker";
import { onKey } from "./move";
import { TimeToolbar } from "./TimeToolbar";
import { useComparison } from "./use-comparison";
import { useOverlays } from "./use-overlays";
import { useTimeView } from "./use-time-view";

const route = getRouteApi("/machines/$machineId");

export function SensorCharts({ machine, sensor }: { machine: MachineDetail; sensor: SensorDetail }) {
  const t = useMessages();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const features = chosenFeatures(search);
  const time = useTimeView(sensor);
  const series = useQuery(seriesQuery(sensor.id, { span: time.span, features }, serverNowUs));
  const overlays = useOverlays(machine.id, sensor);
  const comparison = useComparison(sensor, time);
  const onRange = (range: Range) => {
    void navigate({ search: (old) => ({ ...withoutZoom(old), range }), resetScroll: false });
  };
  const shared = { time, overlays, comparison, subject: `${machine.name} ${sensor.name}`, syncKey: `machine-${machine.id}` };
  return (
    <>
      <div className="flex flex-wrap items-center justify-between gap-2">
        <TimeToolbar time={time} sensor={sensor} onRange={onRange} />
        <div className="flex flex-wrap items-center gap-2 max-sm:w-full">
          <ComparePicker sensor={sensor} time={time} />
          <FeaturePicker schema={sensor.schema_id} chosen={features} />
        </div>
      </div>
      {comparison?.error && <p role="alert" className="text-sm text-alarm">{t.compare.failed(explain(comparison.error, t))}</p>}
      {series.isPending && <SkeletonPanels count={3} className="h-40" />}
      {series.isError && !series.data && <ErrorState error={series.error} onRetry={() => void series.refetch()} />}
      {series.data && (
        <div
          role="group"
          aria-label={t.view.charts}
          aria-describedby="chart-keys"
          tabIndex={0}
          aria-busy={series.isPlaceholderData}
          className="flex min-w-0 flex-col gap-3 rounded-lg"
          onKeyDown={(event) => {
            const elsewhere = event.target instanceof HTMLElement && event.target.closest("input, select, textarea, [role=region]");
            if (elsewhere || event.ctrlKey || event.altKey || event.metaKey) return;
            if (onKey(event.key, time, onRange)) event.preventDefault();
          }}
        >
          <ChartKey overlays={overlays} comparison={comparison} />
          {series.data.time_us.length === 0 ? (
            <div className="panel">
              <EmptyState title={t.machine.noData}>{t.machine.noDataHint}</EmptyState>
            </div>
          ) : (
            <ChartStack {...shared} series={series.data} sensor={sensor} features={features}>
              <BandsPanel {...shared} sensorId={sensor.id} />
            </ChartStack>
          )}
        </div>
      )}
    </>
  );
}
