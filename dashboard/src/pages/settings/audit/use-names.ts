// Names of what the log calls by its id: users, tokens, sensors, machines.
import { useQuery } from "@tanstack/react-query";
import { tokensQuery, usersQuery } from "@/api/administration";
import { fleetQuery } from "@/api/queries";

export type Names = ReadonlyMap<string, string>;

export function useNames(): Names {
  const users = useQuery(usersQuery).data ?? [];
  const tokens = useQuery(tokensQuery).data ?? [];
  const machines = useQuery(fleetQuery).data?.machines ?? [];
  return new Map([
    ...[...users, ...tokens].map(({ id, name }) => [id, name] as const),
    ...machines.flatMap(({ id, name, sensors }) => [[id, name] as const, ...sensors.map((sensor) => [sensor.id, `${name} · ${sensor.name}`] as const)]),
  ]);
}
