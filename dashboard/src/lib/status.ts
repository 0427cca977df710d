// The states of machines and sensors: their order of need and their weight on the page.
import type { State } from "@/api/types";

/** Most in need of a person first, as on the server. */
export const STATES_BY_NEED: readonly State[] = [
  "alarm",
  "anomalous",
  "invalid",
  "offline",
  "waiting",
  "maintenance",
  "learning",
  "stopped",
  "normal",
];

export function need(state: State): number {
  return STATES_BY_NEED.indexOf(state);
}

/** Colour is for the abnormal only: red and amber for the machine, violet for what blinds us to it. */
export type Tone = "quiet" | "warning" | "alarm" | "fault";

export const TONE: Record<State, Tone> = {
  alarm: "alarm",
  anomalous: "warning",
  invalid: "fault",
  offline: "fault",
  learning: "quiet",
  waiting: "quiet",
  maintenance: "quiet",
  stopped: "quiet",
  normal: "quiet",
};

export const TONE_TEXT: Record<Tone, string> = {
  quiet: "text-soft",
  warning: "text-warning",
  alarm: "text-alarm",
  fault: "text-fault",
};

/** The most needy of the states: a machine is as its worst sensor. */
export function worst(states: readonly State[]): State {
  return states.reduce((a, b) => (need(b) < need(a) ? b : a), "normal");
}
