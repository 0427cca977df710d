// Lays another period or another machine's sensor over the charts.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { fleetQuery } from "@/api/queries";
import type { SensorDetail } from "@/api/types";
import { useMessages } from "@/i18n";
import { fromField, toField } from "@/lib/local-time";
import type { MachineSearch } from "@/lib/ranges";
import { DAY_US, WEEK_US } from "./use-comparison";
import type { ChartTime } from "./use-time-view";

const route = getRouteApi("/machines/$machineId");
const FIXED: Record<string, number> = { day: DAY_US, week: WEEK_US };

function without(search: MachineSearch): MachineSearch {
  const rest = { ...search };
  delete rest.vs;
  delete rest.shift;
  return rest;
}

function choiceOf({ vs, shift }: MachineSearch): string {
  if (vs !== undefined) return vs;
  if (shift === undefined) return "";
  return Object.keys(FIXED).find((key) => FIXED[key] === shift) ?? "start";
}

export function ComparePicker({ sensor, time: { view } }: { sensor: SensorDetail; time: ChartTime }) {
  const t = useMessages();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const [asking, setAsking] = useState(false);
  const fleet = useQuery(fleetQuery);
  const choice = asking ? "start" : choiceOf(search);
  const show = (next: Pick<MachineSearch, "vs" | "shift">) => {
    void navigate({ search: (old) => ({ ...without(old), ...next }), resetScroll: false });
  };
  const choose = (value: string) => {
    setAsking(value === "start");
    if (value === "start") return;
    const shift = FIXED[value];
    show(value === "" ? {} : shift === undefined ? { vs: value } : { shift });
  };
  const fromUs = view.shown.fromS * 1e6;
  return (
    <div className="flex min-w-0 flex-wrap items-center gap-2 max-sm:flex-1">
      <select aria-label={t.compare.label} className="field min-w-0 max-w-44 max-sm:max-w-none max-sm:flex-1" value={choice} onChange={(event) => choose(event.target.value)}>
        <option value="">{t.compare.none}</option>
        <option value="day">{t.compare.day}</option>
        <option value="week">{t.compare.week}</option>
        <option value="start">{t.compare.start}</option>
        {fleet.data?.machines.map((machine) => (
          <optgroup key={machine.id} label={machine.name}>
            {machine.sensors
              .filter((other) => other.id !== sensor.id)
              .map((other) => (
                <option key={other.id} value={other.id}>
                  {`${machine.name}, ${other.name}`}
                </option>
              ))}
          </optgroup>
        ))}
      </select>
      {choice === "start" && (
        <input
          type="datetime-local"
          aria-label={t.compare.startField}
          className="field"
          defaultValue={search.shift === undefined ? "" : toField(fromUs - search.shift)}
          onChange={(event) => {
            const start = fromField(event.target.value);
            const shift = start === null ? 0 : Math.round(fromUs - start);
            if (shift === 0) return;
            setAsking(false);
            show({ shift });
          }}
        />
      )}
    </div>
  );
}
