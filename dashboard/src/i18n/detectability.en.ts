// English words of the report on how small a fault would be heard.
export const detectability = {
  title: "How small a fault would be heard",
  lead: "Found by mixing synthetic faults into this machine's own normal sound. Levels are relative to the machine: at −20 dB a fault has a tenth of its amplitude.",
  waiting: "The agent mixes synthetic faults into sound that it keeps, and sends no sound, only what they measure. This takes some minutes.",
  waitingHint: "If nothing comes: the agent may be of an earlier release, or its probes are switched off.",
  unavailable: (why: string) => `Not known for this model: ${why}.`,
  computing: "The faults have come and are being scored.",
  none: "Known some minutes after the first model.",
  from: (level: string) => `from ${level} on`,
  orLess: (level: string) => `from ${level} or less on`,
  louder: (level: string) => `from ${level} louder on`,
  never: (level: string) => `not heard up to ${level}`,
  scale: (low: string, high: string) => `Scale from ${low} to ${high}; the fuller the bar, the smaller the fault that is heard.`,
  basis: (windows: string, share: string) =>
    `${windows} windows, each with faults of every kind. Heard: half of them reach the threshold, which ${share} of normal windows reach too.`,
  kinds: {
    tone: () => "A new tone",
    sidebands: () => "Modulation, as of a worn gear",
    impulses: () => "Impulses, as of a bearing fault",
    knocks: () => "Knocks, as of a loose part",
    hiss_low: (low: string) => `Rumble below ${low}`,
    hiss_mid: (low: string, high: string) => `Hiss from ${low} to ${high}, as of cavitation`,
    hiss_high: (_low: string, high: string) => `Hiss above ${high}, as of a leak`,
    level: () => "The whole machine louder",
  } as Record<string, (low: string, high: string) => string>,
};
