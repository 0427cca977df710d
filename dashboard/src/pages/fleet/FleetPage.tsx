// All machines, those in need first; as many as a thousand.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import { fleetQuery } from "@/api/queries";
import type { MachineCard } from "@/api/types";
import { EmptyState } from "@/components/EmptyState";
import { ErrorState } from "@/components/ErrorState";
import { SkeletonPanels } from "@/components/Skeleton";
import { useMessages } from "@/i18n";
import { chosenStates, countStates, findMachines, inStates, sitesOf, sorted, tagsOf, toggleState, type FleetSearch } from "@/lib/fleet-search";
import { usePreference } from "@/lib/preferences";
import { useFormat } from "@/lib/use-format";
import { FleetCards } from "./FleetCards";
import { FleetTable } from "./FleetTable";
import { FleetTools, VIEWS } from "./FleetTools";
import { NoMachines } from "./NoMachines";
import { StatusCounts } from "./StatusCounts";

export function FleetPage() {
  const t = useMessages();
  const fleet = useQuery(fleetQuery);
  const machines = fleet.data?.machines;
  return (
    <>
      <title>{`${t.fleet.title} · ${t.app.name}`}</title>
      {!machines && <h1 className="mb-4 text-xl font-semibold tracking-tight">{t.fleet.title}</h1>}
      {fleet.isError && !machines && <ErrorState error={fleet.error} onRetry={() => void fleet.refetch()} />}
      {machines?.length === 0 && <NoMachines />}
      {fleet.isPending && (
        <div className="grid grid-cols-[repeat(auto-fill,minmax(min(100%,19rem),1fr))] gap-3">
          <SkeletonPanels count={6} className="h-24" />
        </div>
      )}
      {machines && machines.length > 0 && <Machines machines={machines} />}
    </>
  );
}

const route = getRouteApi("/");

function Machines({ machines }: { machines: readonly MachineCard[] }) {
  const t = useMessages();
  const format = useFormat();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const [view, setView] = usePreference("fleet", VIEWS, "cards");
  const found = useMemo(() => findMachines(machines, search), [machines, search]);
  const shown = useMemo(() => sorted(inStates(found, search), search), [found, search]);
  const ask = useCallback((next: FleetSearch) => void navigate({ search: next, replace: true }), [navigate]);
  return (
    <>
      <div className="mb-3 flex flex-wrap items-center justify-between gap-x-6 gap-y-2">
        <div className="flex items-baseline gap-3">
          <h1 className="text-xl font-semibold tracking-tight">{t.fleet.title}</h1>
          <p role="status" className="text-sm text-faint">
            {shown.length === machines.length
              ? t.fleet.machines(machines.length, format.number(machines.length))
              : t.fleet.someOf(format.number(shown.length), format.number(machines.length))}
          </p>
        </div>
        <FleetTools search={search} onSearch={ask} sites={sitesOf(machines)} tags={tagsOf(machines)} view={view} onView={setView} />
      </div>
      <div className="mb-4">
        <StatusCounts counts={countStates(found)} chosen={chosenStates(search)} onToggle={(state) => ask(toggleState(search, state))} />
      </div>
      {shown.length === 0 ? (
        <div className="panel">
          <EmptyState title={t.fleet.nothingFound}>
            <button type="button" className="button mt-2" onClick={() => ask({})}>
              {t.fleet.showAll}
            </button>
          </EmptyState>
        </div>
      ) : view === "cards" ? (
        <FleetCards machines={shown} label={t.fleet.title} />
      ) : (
        <FleetTable machines={shown} sort={search.sort ?? "need"} onSort={(sort) => ask({ ...search, sort })} />
      )}
    </>
  );
}
