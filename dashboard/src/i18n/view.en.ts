// English words of the machine page's charts: moving through time, what is drawn, comparing, bands of frequency.

export const view = {
  charts: "Charts",
  keys: "Drag to zoom, double-click or Esc to go back; with the keyboard here: + and − zoom, ← and → move, End is live.",
  move: "Move through time",
  earlier: "Earlier",
  later: "Later",
  zoomIn: "Zoom in",
  zoomOut: "Zoom out",
  age: (age: string) => `newest data is ${age} old`,
  held: "Not following",
  mean: "Mean score",
  joined: (step: string) => `each point ${step}: mean score, band from lowest to highest; else the strangest window`,
  rolled: (step: string) => `each point ${step}: mean, band from lowest to highest`,
  step: (step: string) => `each point ${step}`,
  modelMark: (version: string) => `v${version}`,
  keyEvent: "event",
  keyMaintenance: "maintenance",
  keyModel: "new model",
  keyNote: "note",
  figures: (score: string, threshold: string) => `Score ${score}, threshold ${threshold}.`,
  sections: "On this page",
  report: "Report",
};

export const compare = {
  label: "Compare with",
  none: "Compare…",
  day: "a day earlier",
  week: "a week earlier",
  start: "another period…",
  startField: "The other period begins",
  from: (when: string) => `from ${when}`,
  other: "other sensor",
  failed: (why: string) => `The other period could not be loaded: ${why}`,
};

export const bands = {
  title: "Band levels",
  note: (step: string) => `third octaves, mean of ${step} a column`,
  difference: (other: string) => `Band levels, difference to ${other}`,
  most: (band: string, change: string) => `most on average: ${band} ${change}`,
  nothingToCompare: (other: string) => `Band levels: nothing was heard there to compare with (${other}).`,
  reading: (when: string, band: string, level: string) => `${when}: ${band} ${level}`,
  summary: (name: string, n: string, low: string, high: string, least: string, most: string) =>
    `${name}: ${n} bands from ${low} to ${high}, colours from ${least} to ${most}`,
};
