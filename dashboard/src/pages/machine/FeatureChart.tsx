// The chart of a feature that was added by choice, and the button that takes it away.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useMemo } from "react";
import { featuresQuery } from "@/api/queries";
import type { ChartSeries, Values } from "@/components/chart-data";
import { ChartPanel } from "@/components/ChartPanel";
import { CloseIcon } from "@/components/icons";
import { useMessages } from "@/i18n";
import { chosenFeatures } from "@/lib/ranges";
import { featureLabel } from "@/lib/feature-names";

const route = getRouteApi("/machines/$machineId");

interface Props extends Omit<Parameters<typeof ChartPanel>[0], "series" | "unit" | "digits" | "height" | "title"> {
  name: string;
  schema: string;
  values: Values | undefined;
  compared: readonly ChartSeries[];
}

export function FeatureChart({ name, schema, values, compared, ...chart }: Props) {
  const t = useMessages();
  const navigate = route.useNavigate();
  const known = useQuery(featuresQuery(schema));
  const feature = known.data?.find((each) => each.name === name);
  const title = feature ? featureLabel(feature, t) : name;
  const lines = useMemo(
    () => [{ label: title, color: "--chart-4", values: values ?? chart.timeS.map(() => null) }, ...compared],
    [title, values, compared, chart.timeS],
  );
  const remove = () => {
    void navigate({
      search: ({ features, ...old }) => {
        const rest = chosenFeatures({ ...old, ...(features === undefined ? {} : { features }) }).filter((each) => each !== name);
        return rest.length > 0 ? { ...old, features: rest.join(",") } : old;
      },
      resetScroll: false,
    });
  };
  const button = (
    <button type="button" aria-label={t.machine.featureRemove(title)} title={t.machine.featureRemove(title)} onClick={remove} className="rounded p-1 text-faint hover:bg-raised hover:text-ink">
      <CloseIcon />
    </button>
  );
  return <ChartPanel {...chart} title={title} series={lines} unit={feature?.unit ?? ""} digits={2} height={150} actions={button} />;
}
