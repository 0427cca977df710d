// Spanish words of the report on how small a fault would be heard.
import type { detectability as english } from "./detectability.en";

export const detectability: typeof english = {
  title: "Qué tan pequeña puede ser una falla para oírse",
  lead: "Se halla mezclando fallas sintéticas en el sonido normal de esta máquina. Los niveles son relativos a la máquina: a −20 dB una falla tiene la décima parte de su amplitud.",
  waiting: "El agente mezcla fallas sintéticas en sonido que él guarda; no envía sonido, solo lo que miden. Tarda unos minutos.",
  waitingHint: "Si no llega nada: el agente puede ser de una versión anterior, o tiene apagadas las pruebas.",
  unavailable: (why) => `No se sabe para este modelo: ${why}.`,
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
