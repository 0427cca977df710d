// Words about models that several parts of their pages use.
import type { ModelDetail } from "@/api/models";
import type { ModelSummary } from "@/api/types";
import type { Messages } from "@/i18n/en";
import type { Format } from "@/lib/format";

/** A sensor by its machine; the machine's name is not said twice. */
export function sensorWords(place: ModelDetail["place"], t: Messages): string {
  const { machine_name: machine, sensor_name: sensor } = place;
  return sensor.startsWith(machine) ? sensor : t.models.of(machine, sensor);
}

/** The model that a sensor's agent is to run: the one that is offered, else the one that runs. */
export function wantedOf(models: readonly ModelSummary[]): ModelSummary | undefined {
  const newest = (state: ModelSummary["state"]) => models.filter((model) => model.state === state).toSorted((a, b) => b.version - a.version)[0];
  return newest("offered") ?? newest("running");
}

/** The model whose content this is: itself, or the one that was signed again as this one. */
export function originOf({ digest, pushed_from: origin }: ModelSummary): string {
  return origin ?? digest;
}

/** The windows of a baseline that were not learnt, by reason; models of older collectors tell no more than noises. */
export function excludedWords({ baseline, evaluation }: ModelSummary, t: Messages, format: Format): string {
  const counts = [
    [t.models.excludedOdd, baseline.left_out],
    [t.models.excludedReview, evaluation.windows_left_out_by_review ?? 0],
    [t.models.excludedRest, evaluation.windows_at_rest ?? 0],
  ] as const;
  const told = counts.filter(([, count]) => count > 0).map(([write, count]) => write(format.number(count)));
  return told.length > 0 ? told.join(", ") : t.models.excludedNone;
}

/** Why a model has its detector: by what the candidates heard of probes, where it was chosen so. */
export function detectorReasons({ detector, evaluation }: ModelSummary, t: Messages, format: Format): string[] {
  const { auto_probe_windows: windows } = evaluation;
  if (windows === undefined) return [t.models.detectorWhy.standard];
  if (windows === 0) return [t.models.detectorWhy.unprobed];
  const share = (name: string) => format.percent(evaluation[`auto_heard_${name}`] ?? 0);
  const others = Object.keys(evaluation)
    .filter((name) => name.startsWith("auto_heard_") && name !== `auto_heard_${detector}`)
    .map((name) => name.slice("auto_heard_".length));
  const told = others.map((name) => t.models.detectorWhy.other(detectorName(name, t), share(name)));
  return [
    t.models.detectorWhy.heard(share(detector), format.number(windows)),
    ...(told.length > 0 ? [`${t.models.detectorWhy.others}: ${told.join(", ")}`] : []),
  ];
}

export function detectorName(detector: string, t: Messages): string {
  return t.model.detectors[detector] ?? detector.replaceAll("_", " ");
}
