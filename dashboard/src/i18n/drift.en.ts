// English words of drift: how far a machine's sound has moved from its model's baseline.

export const drift = {
  title: "Drift",
  lead: (hours: string, windows: string) => `${windows} running windows of the last ${hours} h against the baseline`,
  verdict: {
    steady: "Steady: nothing has moved by more than chance.",
    slow: "Moved slowly, over days: run-in, season or wear. A fault can grow slowly too, so listen before you accept it.",
    sudden: "Most of it came from one day to the next, as faults do: look at the events first.",
    unclear: "It has moved; three days must be heard to say whether slowly or at once.",
  },
  since: (day: string) => `Since ${day}`,
  events: (n: number) => (n === 0 ? "No event in this time." : n === 1 ? "1 event in this time." : `${n} events in this time.`),
  missing: {
    no_model: "Drift is told once there is a model.",
    no_reference: "This model was trained by an older collector: train again, and drift is told from then on.",
    too_few_windows: (found: string, needed: string) => `${found} running windows were heard, ${needed} are needed.`,
  },
  degree: { stable: "Stable", slight: "Slight", marked: "Marked" },
  groups: {
    level: "Level",
    bands: "Frequency bands",
    shape: "Shape of the spectrum",
    tonality: "Tones",
    brightness: "Brightness",
    impulsiveness: "Impulsiveness",
    modulation: "Modulation",
    other: "Other",
  } as Record<string, string>,
  index: (psi: string, chance: string) => `stability index ${psi}, by chance up to ${chance}`,
  moved: (name: string, change: string) => `${name} ${change}`,
  course: (group: string, days: number, first: string, last: string) =>
    `${group} over ${days} days: stability index from ${first} to ${last}`,
  day: (day: string, psi: string) => `${day}: ${psi}`,
  advice: "If this change is intended, train again on the newest windows. Until then the model stays as it is.",
  retrain: "Train on the newest windows",
  more: "Show stable groups",
};
