// Words of the report on how small a fault would be heard, in both languages.
export const en = {
  title: "How small a fault would be heard",
  lead: "Found by mixing synthetic faults into this machine's own normal sound. Levels are relative to the machine: at −20 dB a fault has a tenth of its amplitude.",
  waiting: "The agent mixes synthetic faults into sound that it keeps, and sends no sound, only what they measure. This takes some minutes.",
  waitingHint: "If nothing comes: the agent may be of an earlier release, or its probes are switched off.",
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

export const es: typeof en = {
  title: "Qué tan pequeña puede ser una falla para oírse",
  lead: "Se halla mezclando fallas sintéticas en el sonido normal de esta máquina. Los niveles son relativos a la máquina: a −20 dB una falla tiene la décima parte de su amplitud.",
  waiting: "El agente mezcla fallas sintéticas en sonido que él guarda; no envía sonido, solo lo que miden. Tarda unos minutos.",
  waitingHint: "Si no llega nada: el agente puede ser de una versión anterior, o tiene apagadas las pruebas.",
  computing: "Las fallas han llegado y se están puntuando.",
  none: "Se sabrá unos minutos después del primer modelo.",
  from: (level: string) => `desde ${level}`,
  orLess: (level: string) => `desde ${level} o menos`,
  louder: (level: string) => `desde ${level} más`,
  never: (level: string) => `no se oye hasta ${level}`,
  scale: (low: string, high: string) => `Escala de ${low} a ${high}; cuanto más llena la barra, menor es la falla que se oye.`,
  basis: (windows: string, share: string) =>
    `${windows} ventanas, cada una con fallas de cada clase. Se oye: la mitad llega al umbral, al que también llega el ${share} de las ventanas normales.`,
  kinds: {
    tone: () => "Un tono nuevo",
    sidebands: () => "Modulación, como de un engranaje gastado",
    impulses: () => "Impulsos, como de un rodamiento dañado",
    knocks: () => "Golpes, como de una pieza suelta",
    hiss_low: (low: string) => `Retumbo por debajo de ${low}`,
    hiss_mid: (low: string, high: string) => `Siseo de ${low} a ${high}, como de cavitación`,
    hiss_high: (_low: string, high: string) => `Siseo por encima de ${high}, como de una fuga`,
    level: () => "Toda la máquina más fuerte",
  },
};
