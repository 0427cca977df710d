// Adds a chart of any stored feature, grouped, with units.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { featuresQuery } from "@/api/queries";
import { useMessages } from "@/i18n";
import { MAX_FEATURES } from "@/lib/ranges";
import { featureOption } from "@/lib/feature-names";

const route = getRouteApi("/machines/$machineId");

export function FeaturePicker({ schema, chosen }: { schema: string; chosen: readonly string[] }) {
  const t = useMessages();
  const navigate = route.useNavigate();
  const features = useQuery(featuresQuery(schema));
  if (!features.data || chosen.length >= MAX_FEATURES) return null;
  const offered = features.data.filter((feature) => !chosen.includes(feature.name));
  const groups = [...Map.groupBy(offered, (feature) => feature.group)];
  const add = (name: string) => {
    void navigate({ search: (old) => ({ ...old, features: [...chosen, name].join(",") }), resetScroll: false });
  };
  return (
    <select aria-label={t.machine.feature} className="field min-w-0 max-w-44 max-sm:max-w-none max-sm:flex-1" value="" onChange={(event) => add(event.target.value)}>
      <option value="" disabled>
        {t.machine.featurePick}
      </option>
      {groups.map(([group, members]) => (
        <optgroup key={group} label={t.featureGroups[group] ?? group}>
          {members.map((feature) => (
            <option key={feature.name} value={feature.name}>
              {featureOption(feature, t)}
            </option>
          ))}
        </optgroup>
      ))}
    </select>
  );
}
