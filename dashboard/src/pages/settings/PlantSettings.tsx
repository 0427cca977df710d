// Sites, and on each its machines with their sensors.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { sitesQuery, useCreateSite } from "@/api/plant";
import { EmptyState } from "@/components/EmptyState";
import { ErrorState } from "@/components/ErrorState";
import { SkeletonPanels } from "@/components/Skeleton";
import { useMessages } from "@/i18n";
import { NameForm } from "./NameForm";
import { SitePanel } from "./SitePanel";

const route = getRouteApi("/settings/plant");
/** Up to so many machines are all in sight: who comes for the first time sees what there is, and who has more sees the sites. */
const FEW_MACHINES = 20;

export function PlantSettings() {
  const t = useMessages();
  const { site: chosen, calibrate } = route.useSearch();
  const sites = useQuery(sitesQuery);
  const create = useCreateSite();
  const few = (sites.data ?? []).reduce((sum, { machines }) => sum + machines, 0) <= FEW_MACHINES;
  return (
    <section aria-label={t.settings.section.plant} className="flex flex-col gap-3">
      <div>
        <h2 className="font-semibold">{t.settings.section.plant}</h2>
        <p className="mt-1 max-w-prose text-sm text-soft">{t.plant.lead}</p>
      </div>
      <NameForm label={t.plant.newSite} error={create.error} pending={create.isPending} onName={(name, done) => create.mutate(name, { onSuccess: done })} />
      {sites.isPending && <SkeletonPanels count={2} className="h-16" />}
      {sites.isError && !sites.data && <ErrorState error={sites.error} onRetry={() => void sites.refetch()} />}
      {sites.data?.length === 0 && (
        <div className="panel">
          <EmptyState title={t.plant.noSite}>{t.plant.noSiteHint}</EmptyState>
        </div>
      )}
      {sites.data?.map((site) => <SitePanel key={site.id} site={site} open={few || site.machines === 0 || site.id === chosen} calibrate={calibrate} />)}
    </section>
  );
}
