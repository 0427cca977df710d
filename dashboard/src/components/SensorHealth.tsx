// A sensor's health in one line, apart from its machine's state: shape, word, and what is wrong.
import type { SensorCard } from "@/api/types";
import { useMessages } from "@/i18n";
import { checkName } from "@/lib/check-words";
import { CHECK_TEXT, CheckGlyph } from "./CheckGlyph";

type Health = SensorCard["health"];
const BY_NEED = ["failed", "warning", "ok", "unknown"] as const;

/** The health of the sensor that is worst off. */
export function worstHealth(sensors: readonly SensorCard[]): Health | undefined {
  return sensors.map((sensor) => sensor.health).toSorted((a, b) => BY_NEED.indexOf(a.state) - BY_NEED.indexOf(b.state))[0];
}

export function SensorHealth({ health }: { health: Health }) {
  const t = useMessages();
  const { state, key, cause } = health;
  const word = t.checks.sensor[state];
  return (
    <span data-health={state} className={`inline-flex min-w-0 items-center gap-1.5 ${state === "ok" || state === "unknown" ? CHECK_TEXT[state] : `font-medium ${CHECK_TEXT[state]}`}`}>
      <CheckGlyph state={state} />
      <span className="truncate">{key ? t.checks.sensorFound(word, checkName({ key, cause: cause ?? null }, t)) : word}</span>
    </span>
  );
}
