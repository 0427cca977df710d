// Spanish words of drift.
import type { drift as en } from "./drift.en";

export const drift: typeof en = {
  title: "Deriva",
  lead: (hours, windows) => `${windows} ventanas en marcha de las últimas ${hours} h frente a la línea base`,
  verdict: {
    steady: "Estable: nada se ha movido más que por azar.",
    slow: "Se ha movido despacio, en días: rodaje, estación o desgaste. Una avería también puede crecer despacio: escuche antes de aceptarlo.",
    sudden: "La mayor parte llegó de un día para otro, como las averías: mire primero los eventos.",
    unclear: "Se ha movido; hacen falta tres días para decir si despacio o de golpe.",
  },
  since: (day) => `Desde ${day}`,
  events: (n) => (n === 0 ? "Ningún evento en este tiempo." : n === 1 ? "1 evento en este tiempo." : `${n} eventos en este tiempo.`),
  missing: {
    no_model: "La deriva se indica en cuanto hay un modelo.",
    no_reference: "Este modelo se entrenó con un colector anterior: entrene de nuevo y la deriva se indicará desde entonces.",
    too_few_windows: (found, needed) => `Se han oído ${found} ventanas en marcha; hacen falta ${needed}.`,
  },
  degree: { stable: "Estable", slight: "Leve", marked: "Marcada" },
  groups: {
    level: "Nivel",
    bands: "Bandas de frecuencia",
    shape: "Forma del espectro",
    tonality: "Tonos",
    brightness: "Brillo",
    impulsiveness: "Impulsividad",
    modulation: "Modulación",
    other: "Otras",
  },
  index: (psi, chance) => `índice de estabilidad ${psi}, por azar hasta ${chance}`,
  moved: (name, change) => `${name} ${change}`,
  course: (group, days, first, last) => `${group} en ${days} días: índice de estabilidad de ${first} a ${last}`,
  day: (day, psi) => `${day}: ${psi}`,
  advice: "Si este cambio es intencionado, entrene de nuevo con las ventanas más recientes. Hasta entonces el modelo queda como está.",
  retrain: "Entrenar con las ventanas más recientes",
  more: "Mostrar los grupos estables",
};
