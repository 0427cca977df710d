// How a sensor is now and why, in words: how its sound differs from the baseline, or what its state means.
import { useQuery } from "@tanstack/react-query";
import { type Note, notesQuery, useChangeNote } from "@/api/notes";
import type { SensorDetail } from "@/api/types";
import { explain } from "@/components/ErrorState";
import { NeedsRole } from "@/components/NeedsRole";
import { Reasons } from "@/components/Reasons";
import { StatusGlyph } from "@/components/StatusGlyph";
import { useMessages } from "@/i18n";
import { serverNowUs, useServerNowUs } from "@/lib/clock";
import { useFormat } from "@/lib/use-format";
import { notesOf } from "./use-overlays";

export function WhyStrip({ machineId, sensor }: { machineId: string; sensor: SensorDetail }) {
  const t = useMessages();
  const alarm = sensor.status === "alarm";
  if (sensor.status === "maintenance") return <Maintenance machineId={machineId} sensor={sensor} />;
  if (!sensor.reasons || !(alarm || sensor.status === "anomalous")) return <Plain sensor={sensor} />;
  return (
    <section
      aria-label={t.reasons.why}
      className={`mb-3 flex flex-col gap-x-5 gap-y-1 rounded-lg border-l-[3px] px-4 py-2.5 sm:flex-row sm:items-baseline ${alarm ? "border-alarm bg-alarm-wash" : "border-warning bg-warning-wash"}`}
    >
      <h2 className={`shrink-0 font-semibold whitespace-nowrap ${alarm ? "text-alarm" : "text-warning"}`}>{t.reasons.why}</h2>
      <Reasons reasons={sensor.reasons} />
    </section>
  );
}

function Plain({ sensor }: { sensor: SensorDetail }) {
  const t = useMessages();
  const format = useFormat();
  const figures = sensor.score !== null && sensor.threshold !== null ? ` ${t.view.figures(format.score(sensor.score), format.score(sensor.threshold))}` : "";
  return (
    <p data-why={sensor.status} className="mb-3 text-sm text-soft">
      {t.stateHint[sensor.status]}
      {sensor.status === "normal" || sensor.status === "anomalous" ? figures : ""}
    </p>
  );
}

/** The work that goes on now, if it is known already. */
function current(notes: readonly Note[], now: number): Note | undefined {
  return notes.find((note) => note.kind === "maintenance" && note.start_us <= now && (note.end_us === null || note.end_us > now));
}

function Maintenance({ machineId, sensor }: { machineId: string; sensor: SensorDetail }) {
  const t = useMessages();
  const format = useFormat();
  const notes = useQuery(notesQuery(machineId));
  const change = useChangeNote();
  const note = current(notesOf(notes.data?.items, sensor.id), useServerNowUs());
  return (
    <section aria-label={t.state.maintenance} className="mb-3 flex flex-wrap items-center gap-x-4 gap-y-2 rounded-lg border-l-[3px] border-soft bg-raised px-4 py-2.5 text-sm">
      <span className="inline-flex items-center gap-2 font-semibold">
        <StatusGlyph state="maintenance" size={18} />
        {note ? t.notes.since(format.dateTime(note.start_us)) : t.state.maintenance}
      </span>
      <span className="min-w-0 flex-1 [overflow-wrap:anywhere]">
        {note && <span className="block">{note.text}</span>}
        <span className="block text-xs text-faint">{t.notes.means}</span>
      </span>
      {note?.yours && (
        <NeedsRole role="operator">
          <button
            type="button"
            className="button"
            disabled={change.isPending}
            onClick={() => change.mutate({ id: note.id, changes: { end_us: Math.round(serverNowUs()) } })}
          >
            {t.notes.end}
          </button>
        </NeedsRole>
      )}
      {change.isError && <p role="alert" className="w-full text-alarm">{explain(change.error, t)}</p>}
    </section>
  );
}
