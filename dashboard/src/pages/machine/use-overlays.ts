// What the charts of a sensor show behind their lines: events, maintenance, notes, and when the agent began to run a model.
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { sensorEventsQuery } from "@/api/charts";
import { type Note, notesQuery } from "@/api/notes";
import type { EventOut, SensorDetail } from "@/api/types";
import type { Mark, Span } from "@/components/chart-paint";
import { useMessages } from "@/i18n";
import type { Messages } from "@/i18n/en";

const US = 1e6;

export interface Overlays {
  spans: readonly Span[];
  marks: readonly Mark[];
}

function spansOf(events: readonly EventOut[], notes: readonly Note[]): Span[] {
  const ofEvents = events.map((event): Span => ({ fromS: event.start_us / US, toS: event.end_us / US, open: event.state === "open", kind: "event" }));
  const ofWork = notes
    .filter((note) => note.kind === "maintenance")
    .map((note): Span => ({ fromS: note.start_us / US, toS: (note.end_us ?? note.start_us) / US, open: note.end_us === null, kind: "maintenance" }));
  return [...ofWork, ...ofEvents];
}

function marksOf(models: SensorDetail["models"], notes: readonly Note[], t: Messages): Mark[] {
  const ofModels = models.flatMap((model) =>
    model.runs.map((run): Mark => ({ atS: run.began_us / US, kind: "model", text: t.view.modelMark(String(model.version)) })),
  );
  const remarks = notes.filter((note) => note.kind === "note").map((note): Mark => ({ atS: note.start_us / US, kind: "note", text: note.text }));
  return [...ofModels, ...remarks];
}

/** Notes that are of a sensor or of its whole machine. */
export function notesOf(notes: readonly Note[] | undefined, sensorId: string): Note[] {
  return (notes ?? []).filter((note) => note.sensor_id === null || note.sensor_id === sensorId);
}

export function useOverlays(machineId: string, sensor: SensorDetail): Overlays {
  const t = useMessages();
  const events = useQuery(sensorEventsQuery(sensor.id));
  const notes = useQuery(notesQuery(machineId));
  const { models, id } = sensor;
  // Live measurements change the sensor, not its models.
  const versions = models.map((model) => `${model.digest}${model.state}${String(model.runs.length)}`).join();
  return useMemo(
    () => {
      const own = notesOf(notes.data?.items, id);
      return { spans: spansOf(events.data?.items ?? [], own), marks: marksOf(models, own, t) };
    },
    // eslint-disable-next-line react-hooks/exhaustive-deps -- models are the same while their versions are
    [events.data, notes.data, versions, id, t],
  );
}
