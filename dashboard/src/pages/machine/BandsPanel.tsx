// Band levels over time as a picture on the charts' own time axis, and what they differ by from what is compared.
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { bandsQuery } from "@/api/charts";
import { useTheme } from "@/app/theme";
import { ErrorState } from "@/components/ErrorState";
import { SkeletonPanels } from "@/components/Skeleton";
import { useMessages } from "@/i18n";
import { type BandMatrix, difference, levelRange, toMatrix } from "@/lib/band-matrix";
import { serverNowUs } from "@/lib/clock";
import { diverging, SEQUENTIAL } from "@/lib/colour-map";
import { decodeFloat16 } from "@/lib/float16";
import { useFormat } from "@/lib/use-format";
import { BandsChart } from "./BandsChart";
import { differenceRange, mostChanged } from "./band-words";
import type { Shared } from "./ChartStack";

function useBands(sensorId: string, { span }: Shared["time"], shiftUs: number, enabled = true) {
  const query = useQuery({ ...bandsQuery({ sensorId, span, shiftUs }, serverNowUs), enabled });
  const { data } = query;
  const matrix = useMemo(() => (data ? toMatrix(data, decodeFloat16(data.data)) : null), [data]);
  return { query, matrix };
}

export function BandsPanel({ sensorId, ...shared }: Shared & { sensorId: string }) {
  const t = useMessages();
  const format = useFormat();
  const { comparison, time } = shared;
  const { query, matrix } = useBands(sensorId, time, 0);
  const range = useMemo(() => (matrix ? levelRange(matrix) : null), [matrix]);
  if (query.isPending) return <SkeletonPanels count={1} className="h-44" />;
  if (query.isError && !query.data) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  if (!matrix || !range) return null;
  const width = query.data.resolution_us;
  return (
    <>
      <BandsChart {...shared} title={t.bands.title} matrix={matrix} levels={range} map={SEQUENTIAL} note={t.bands.note(format.duration(width))} />
      {comparison && <Difference {...shared} matrix={matrix} comparison={comparison} />}
    </>
  );
}

function Difference({ matrix, comparison, ...shared }: Shared & { matrix: BandMatrix; comparison: NonNullable<Shared["comparison"]> }) {
  const t = useMessages();
  const format = useFormat();
  const { ground } = useTheme();
  const { query, matrix: other } = useBands(comparison.sensorId, shared.time, comparison.shiftUs);
  const found = useMemo(() => (other ? difference(matrix, other, comparison.shiftUs / 1e6) : null), [matrix, other, comparison.shiftUs]);
  const map = useMemo(() => diverging(ground), [ground]);
  if (query.isPending) return <SkeletonPanels count={1} className="h-44" />;
  const range = found && differenceRange(found);
  if (!found || !range) return <p className="panel p-3 text-sm text-faint">{t.bands.nothingToCompare(comparison.label)}</p>;
  const most = mostChanged(found);
  const sign = most && most.db > 0 ? "+" : "";
  const note = most ? t.bands.most(format.hertz(most.hz), `${sign}${format.withUnit(most.db, 1, t.unit.db)}`) : undefined;
  return <BandsChart {...shared} comparison={comparison} title={t.bands.difference(comparison.label)} matrix={found} levels={range} map={map} note={note} signed />;
}
