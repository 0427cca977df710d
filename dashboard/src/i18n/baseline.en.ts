// English words of what a model's baseline holds.

export const baseline = {
  title: "Heard",
  oneMode: "One mode heard",
  modes: (count: number, told: string) => `${["Two", "Three", "Four"][count - 2] ?? String(count)} modes heard: ${told}`,
  atLevel: (share: string, level: string) => `${share} at ${level}`,
  around: (share: string, frequency: string) => `${share} around ${frequency}`,
  heardOnce: (count: number): string =>
    count === 1
      ? "One of them was heard in a single stretch only: train again once it has come back a few times."
      : "Some of them were heard in a single stretch only: train again once they have come back a few times.",
  leftOut: (count: number, text: string): string => (count === 1 ? "1 window left out (a sudden noise)" : `${text} windows left out (sudden noises)`),
  oddKept: (count: number, text: string): string =>
    count === 1 ? "1 window looks odd and is kept." : `${text} windows look odd, too many to be noises: none is left out.`,
};
