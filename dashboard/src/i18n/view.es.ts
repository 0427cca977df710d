// Spanish words of the machine page's charts; the type holds them to the keys of view.en.ts.
import type { bands as englishBands, compare as englishCompare, view as english } from "./view.en";

export const view: typeof english = {
  charts: "Gráficos",
  keys: "Arrastre para ampliar, doble clic o Esc para volver; con el teclado aquí: + y − amplían y reducen, ← y → mueven, Fin es en vivo.",
  move: "Moverse en el tiempo",
  earlier: "Antes",
  later: "Después",
  zoomIn: "Ampliar",
  zoomOut: "Reducir",
  age: (age) => `el dato más reciente tiene ${age}`,
  held: "Sin seguir",
  mean: "Puntuación media",
  joined: (step) => `cada punto ${step}: puntuación media, banda de la más baja a la más alta; lo demás, la ventana más extraña`,
  rolled: (step) => `cada punto ${step}: media, banda del más bajo al más alto`,
  step: (step) => `cada punto ${step}`,
  modelMark: (version) => `v${version}`,
  keyEvent: "evento",
  keyMaintenance: "mantenimiento",
  keyModel: "modelo nuevo",
  keyNote: "nota",
  figures: (score, threshold) => `Puntuación ${score}, umbral ${threshold}.`,
  sections: "En esta página",
  report: "Informe",
};

export const compare: typeof englishCompare = {
  label: "Comparar con",
  none: "Comparar…",
  day: "un día antes",
  week: "una semana antes",
  start: "otro período…",
  startField: "El otro período empieza",
  from: (when) => `desde ${when}`,
  other: "otro sensor",
  failed: (why) => `No se pudo cargar el otro período: ${why}`,
};

export const bands: typeof englishBands = {
  title: "Niveles por bandas",
  note: (step) => `tercios de octava, media de ${step} por columna`,
  difference: (other) => `Niveles por bandas, diferencia con ${other}`,
  most: (band, change) => `la mayor de media: ${band} ${change}`,
  nothingToCompare: (other) => `Niveles por bandas: allí no se oyó nada con que comparar (${other}).`,
  reading: (when, band, level) => `${when}: ${band} ${level}`,
  summary: (name, n, low, high, least, most) => `${name}: ${n} bandas de ${low} a ${high}, colores de ${least} a ${most}`,
};
