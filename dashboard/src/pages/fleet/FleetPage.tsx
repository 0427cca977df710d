// All machines, those in need first.
import { useQuery } from "@tanstack/react-query";
import { fleetQuery } from "@/api/queries";
import { ErrorState } from "@/components/ErrorState";
import { SkeletonPanels } from "@/components/Skeleton";
import { useMessages } from "@/i18n";
import { need } from "@/lib/status";
import type { MachineCard as Machine } from "@/api/types";
import { MachineCard } from "./MachineCard";
import { NoMachines } from "./NoMachines";
import { StatusCounts } from "./StatusCounts";

function byNeed(a: Machine, b: Machine): number {
  return need(a.status) - need(b.status) || a.site.name.localeCompare(b.site.name) || a.name.localeCompare(b.name);
}

export function FleetPage() {
  const t = useMessages();
  const fleet = useQuery(fleetQuery);
  const machines = fleet.data?.machines;
  return (
    <>
      <title>{`${t.fleet.title} · ${t.app.name}`}</title>
      <div className="mb-4 flex flex-wrap items-center gap-x-6 gap-y-2">
        <h1 className="text-xl font-semibold tracking-tight">{t.fleet.title}</h1>
        {machines && machines.length > 0 && <StatusCounts machines={machines} />}
      </div>
      {fleet.isError && !machines && <ErrorState error={fleet.error} onRetry={() => void fleet.refetch()} />}
      {machines?.length === 0 && <NoMachines />}
      <ul className="grid grid-cols-[repeat(auto-fill,minmax(min(100%,19rem),1fr))] gap-3">
        {fleet.isPending && <SkeletonPanels count={6} className="h-24" />}
        {machines?.toSorted(byNeed).map((machine) => <MachineCard key={machine.id} machine={machine} />)}
      </ul>
    </>
  );
}
