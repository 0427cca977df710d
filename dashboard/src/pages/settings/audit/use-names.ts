// Names of what the log calls by its id: users, tokens, sites, machines, sensors.
import { useQuery } from "@tanstack/react-query";
import { allTokensQuery, allUsersQuery } from "@/api/administration";
import { sitesQuery } from "@/api/plant";
import { fleetQuery } from "@/api/queries";

export type Names = ReadonlyMap<string, string>;

export function useNames(): Names {
  const users = useQuery(allUsersQuery).data ?? [];
  const tokens = useQuery(allTokensQuery).data ?? [];
  const sites = useQuery(sitesQuery).data ?? [];
  const machines = useQuery(fleetQuery).data?.machines ?? [];
  return new Map([
    ...[...users, ...tokens, ...sites].map(({ id, name }) => [id, name] as const),
    ...machines.flatMap(({ id, name, sensors }) => [[id, name] as const, ...sensors.map((sensor) => [sensor.id, `${name} · ${sensor.name}`] as const)]),
  ]);
}
