// English words of the dashboard. es.ts has the same keys: its type is this object's.

import { agents } from "./agents.en";
import { analyse } from "./analyse.en";
import { auth } from "./auth.en";
import { baseline } from "./baseline.en";
import { clips } from "./clips.en";
import { detectability } from "./detectability.en";
import { developer } from "./developer.en";
import { checks } from "./checks.en";
import { drift } from "./drift.en";
import { enrol } from "./enrol.en";
import { fleet } from "./fleet.en";
import { models } from "./models.en";
import { notes } from "./notes.en";
import { plant, policies } from "./plant.en";
import { reasons } from "./reasons.en";
import { report } from "./report.en";
import { review } from "./review.en";
import { settings } from "./settings.en";
import { start } from "./start.en";
import { bands, compare, view } from "./view.en";

const ORDINAL = new Intl.PluralRules("en", { type: "ordinal" });

export const en = {
  app: { name: "AudioSense", skip: "Skip to content", nav: "Main", home: "Fleet", menu: "Menu" },
  more: "Show more",
  unit: { hz: "Hz", dbfs: "dBFS", db: "dB", percent: "%", perMinute: "per min" },
  state: {
    alarm: "Alarm",
    anomalous: "Anomalous",
    normal: "Healthy",
    learning: "Learning",
    stopped: "Stopped",
    invalid: "Sensor fault",
    offline: "Offline",
    waiting: "Waiting",
    maintenance: "Maintenance",
  },
  stateHint: {
    alarm: "An event is open: the sound has been anomalous for several windows.",
    anomalous: "The last window was anomalous; no event yet.",
    normal: "The last window was below the threshold.",
    learning: "Collecting the normal sound; no model yet.",
    stopped: "The machine is not running: its sound is below its running level.",
    invalid: "The sensor is at fault, so nothing can be said of the machine.",
    offline: "Nothing heard for a while: check the agent and its network.",
    waiting: "Never heard: start its agent.",
    maintenance: "It is worked on: what is heard says nothing of it, and nobody is notified.",
  },
  theme: { label: "Theme", light: "Light", dark: "Dark", contrast: "High contrast", system: "As the system", next: (name: string) => `Theme: ${name}. Change` },
  language: {
    label: "Language",
    missing: (name: string) => `This page could not change to ${name}: its words were not loaded. Check the connection, then retry or reload the page.`,
  },
  auth,
  developer,
  live: {
    open: "Live",
    connecting: "Connecting",
    lost: "Connection lost",
    banner: (age: string) => `Connection to the collector lost: data is ${age} old. Reconnecting by itself.`,
    never: (age: string) => `No live data from the collector: what is shown was read ${age} ago. Connecting by itself.`,
    retry: "Try now",
  },
  fleet,
  learning: {
    progress: (windows: string, needed: string) => `${windows} of ${needed} windows`,
    left: (time: string) => `about ${time} left`,
    done: "Baseline complete, training",
    heuristicOk: "Plain check: nothing conspicuous",
    heuristicFlag: "Plain check: conspicuous sound",
    heuristicHint: "Until the first model exists: dominant frequency or flatness above this sensor's limits.",
  },
  machine: {
    back: "Fleet",
    sensors: "Sensors",
    source: "Source",
    window: "Window",
    rate: "Sample rate",
    level: "Level",
    dominant: "Dominant frequency",
    dominantShort: "Dominant",
    heard: "Last heard",
    sourceState: (text: string) => `Source: ${text}`,
    noSensors: "This machine has no sensor",
    noSensorsHint: "Name this machine in an agent's configuration and restart the agent.",
    range: "Time range",
    ranges: { "10m": "10 min", "1h": "1 h", "6h": "6 h", "24h": "24 h", "7d": "7 d", "30d": "30 d", "1y": "1 year" },
    toLive: "Back to live",
    feature: "Add a feature",
    featurePick: "Feature…",
    featureRemove: (name: string) => `Remove ${name}`,
    chartScore: "Score against threshold",
    chartDominant: "Dominant frequency",
    seriesScore: "Score",
    seriesThreshold: "Threshold",
    noData: "No measurements in this range",
    noDataHint: "Choose a longer range, or check that the agent is running.",
  },
  level: {
    relative: "Level",
    title: { sound_pressure: "Sound pressure level", acceleration: "Acceleration, RMS" },
    weighted: "A-weighted level",
    velocity: "Velocity, RMS 10–1000 Hz",
    velocityNote: "the quantity of ISO 20816-1; its zones depend on the machine",
    uncalibrated: {
      sound_pressure: "Not calibrated: levels are relative to full scale. Calibrated in the settings, or by dbfs_at_94_db_spl in the agent's configuration, they are dB SPL and dB(A).",
      acceleration: "Not calibrated: levels are relative to full scale. Calibrated in the settings, or by full_scale_g in the agent's configuration, they are g and mm/s.",
    },
  },
  running: {
    above: "Runs above",
    origin: { learned: "learned", set: "set here", agent: "set in the agent's configuration" },
    unknown: "learned with the first model",
    never: "never stopped",
    agentHint: "running_level_dbfs in the agent's configuration stands over settings made here; remove it there to set it here.",
    settling: "Start waited out",
    windows: (n: number, text: string) => (n === 1 ? `${text} window` : `${text} windows`),
    change: "Change running level",
    level: "Running level, dBFS",
    levelHint: "empty: as learned",
    levelLearned: (level: string) => `empty: as learned, ${level}`,
    off: "The machine never counts as stopped",
    settlingHint: "windows; empty: as learned",
    save: "Save",
    cancel: "Cancel",
    saved: "Saved. The agent takes it with its next batches.",
  },
  chart: {
    table: "Table",
    chart: "Chart",
    showTable: (name: string) => `Table – ${name}: show as table`,
    showChart: (name: string) => `Chart – ${name}: show as chart`,
    time: "Time",
    summary: (name: string, n: string, low: string, high: string, last: string) =>
      `${name}: ${n} points, from ${low} to ${high}, last ${last}`,
    summaryEmpty: (name: string) => `${name}: no data`,
    saveCsv: (name: string) => `CSV – ${name}: save as CSV`,
    savePng: (name: string) => `PNG – ${name}: save as picture`,
    lowest: "lowest",
    highest: "highest",
    newest: (n: string) => `Newest ${n} points`,
  },
  events: {
    title: "Events",
    none: "No events",
    noneHint: "An event opens when several windows in a row are anomalous.",
    start: "Start",
    duration: "Duration",
    peak: "Peak score",
    threshold: "Threshold",
    windows: "Windows",
    model: "Model",
    state: "State",
    open: "Open",
    closed: "Closed",
    show: "Show in charts",
    more: "Older events exist; the newest 100 are shown.",
  },
  reasons,
  review,
  view,
  compare,
  bands,
  notes,
  settings,
  plant,
  policies,
  report,
  model: {
    title: "Model in use",
    none: "No model yet",
    noneHint: (needed: string) => `The first model is trained by itself once ${needed} windows of normal sound are there.`,
    version: (n: string) => `Version ${n}`,
    detector: "Detector",
    trained: "Trained on",
    trainedValue: (windows: string) => `${windows} windows`,
    threshold: "Threshold",
    created: "Created",
    digest: "Digest",
    copy: "Copy digest",
    copied: "Copied",
    state: { offered: "Offered", running: "Running", refused: "Refused", previous: "Previous" },
    refused: (why: string) => `The agent refused it: ${why}`,
    probation: "On probation",
    probationHint: "The agent scores with it and watches it beside the model before; it is sent back if it fails.",
    detectors: {
      ensemble: "Ensemble of forests and deviation",
      isolation_forest: "Isolation forest",
      mahalanobis: "Mahalanobis distance",
    } as Record<string, string>,
    percentile: (value: number, plain: Intl.NumberFormat) => {
      const ending = { one: "st", two: "nd", few: "rd" } as Record<string, string>;
      return `${plain.format(value)}${ending[ORDINAL.select(value)] ?? "th"} percentile`;
    },
    budget: (count: string, value: number) => `At most ${count} false ${value === 1 ? "alarm" : "alarms"} a week.`,
    span: {
      seconds: (count: string) => `${count} seconds`,
      minutes: (count: string) => `${count} minutes`,
      hours: (count: string) => `${count} hours`,
    },
    between: (low: string, high: string) => `between ${low} and ${high} a week (95 %)`,
    assured: (span: string, range: string) => `After ${span} of baseline, ${range}.`,
    tooShort: (span: string, expected: string, range: string) =>
      `${span} of baseline are too few for that: expect ${expected}, ${range}; train again on more windows.`,
    heldOut: (percentile: string, margin: string) => `${percentile} of held-out windows, debounced, plus a margin of ${margin}`,
  },
  baseline,
  models,
  agents,
  analyse,
  enrol,
  start,
  checks,
  drift,
  detectability,
  clips,
  train: {
    open: "Train now",
    windows: "Windows",
    windowsHint: "newest; empty: the first baseline",
    budget: "False alarms a week, at most",
    budgetHint: (now: string) => `empty: ${now}`,
    percentile: "Or threshold percentile",
    percentileHint: "%; empty: the default",
    acceptDrift: "Take windows that still drift, too",
    start: "Start training",
    waiting: "Training…",
    done: "Trained. The new model is offered to the agent.",
    failed: (why: string) => `Training failed: ${why}`,
    cancel: "Cancel",
  },
  error: {
    title: "This could not be loaded",
    unreachable: "The collector does not answer. Check that it runs (audiosense-collector serve), then retry.",
    notFound: "The collector does not know this. It may have been removed; go back to the fleet.",
    refused: (text: string) => `The collector refused the call: ${text}`,
    server: (status: string) => `The collector failed (${status}). Its log says why; retry in a moment.`,
    unavailable: "The collector cannot do this just now. Try again in a few seconds.",
    retry: "Retry",
    notFoundPage: "There is no such page",
    toFleet: "Go to the fleet",
    copyFailed: "Copying is not allowed here; select the text instead.",
  },
  loading: "Loading",
  none: "–",
  /** Names of features where the collector's English ones are not to be shown. */
  featureNames: {} as Record<string, string>,
  featureGroups: {
    level: "Level",
    time: "Waveform",
    spectrum: "Spectrum",
    band: "Frequency bands",
    mel: "Mel bands, level-free",
    third: "Third octaves",
    modulation: "Regular pulses",
  } as Record<string, string>,
};

export type Messages = typeof en;
