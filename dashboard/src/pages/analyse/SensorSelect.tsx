// A choice of one sensor of the fleet, by machine.
import { useQuery } from "@tanstack/react-query";
import { fleetQuery } from "@/api/queries";

interface Props {
  id?: string;
  label?: string;
  value: string;
  /** What stands for none. */
  none: string;
  onChoose: (sensorId: string) => void;
}

export function SensorSelect({ id, label, value, none, onChoose }: Props) {
  const fleet = useQuery(fleetQuery);
  return (
    <select id={id} aria-label={label} className="field min-w-0 w-full max-w-80" value={value} onChange={(event) => onChoose(event.target.value)}>
      <option value="">{none}</option>
      {fleet.data?.machines
        .filter(({ sensors }) => sensors.length > 0)
        .map((machine) => (
          <optgroup key={machine.id} label={machine.name}>
            {machine.sensors.map((sensor) => (
              <option key={sensor.id} value={sensor.id}>
                {`${machine.name}, ${sensor.name}`}
              </option>
            ))}
          </optgroup>
        ))}
    </select>
  );
}
