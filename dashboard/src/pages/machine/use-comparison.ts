// Another period, or another machine's sensor, that is laid over the charts.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { comparisonQuery } from "@/api/charts";
import { fleetQuery } from "@/api/queries";
import type { SensorDetail, Series } from "@/api/types";
import { useMessages } from "@/i18n";
import { serverNowUs } from "@/lib/clock";
import { chosenFeatures } from "@/lib/ranges";
import { useFormat } from "@/lib/use-format";
import type { ChartTime } from "./use-time-view";

const route = getRouteApi("/machines/$machineId");
export const DAY_US = 86_400e6;
export const WEEK_US = 7 * DAY_US;

export interface Comparison {
  label: string;
  sensorId: string;
  shiftUs: number;
  /** Undefined while it is read. */
  series: Series | undefined;
  error: Error | null;
}

export function useComparison(sensor: SensorDetail, { span, view }: ChartTime): Comparison | null {
  const t = useMessages();
  const format = useFormat();
  const search = route.useSearch();
  const { vs: sensorId = sensor.id, shift: shiftUs = 0 } = search;
  const chosen = sensorId !== sensor.id || shiftUs !== 0;
  const fleet = useQuery({ ...fleetQuery, enabled: chosen && sensorId !== sensor.id });
  const series = useQuery({ ...comparisonQuery({ sensorId, span, shiftUs }, chosenFeatures(search), serverNowUs), enabled: chosen });
  if (!chosen) return null;
  const machine = fleet.data?.machines.find((each) => each.sensors.some((other) => other.id === sensorId));
  const named = machine && `${machine.name}, ${machine.sensors.find((other) => other.id === sensorId)?.name ?? ""}`;
  const when = () => {
    if (shiftUs === DAY_US) return t.compare.day;
    if (shiftUs === WEEK_US) return t.compare.week;
    return t.compare.from(format.dateTime(view.shown.fromS * 1e6 - shiftUs));
  };
  const label = sensorId === sensor.id ? when() : (named ?? t.compare.other);
  return { label, sensorId, shiftUs, series: series.data, error: series.error };
}
