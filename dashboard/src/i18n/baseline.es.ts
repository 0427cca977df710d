// Spanish words of what a model's baseline holds.
import type { baseline as en } from "./baseline.en";

export const baseline: typeof en = {
  title: "Oído",
  oneMode: "Se oye un modo",
  modes: (count, told) => `Se oyen ${["dos", "tres", "cuatro"][count - 2] ?? String(count)} modos: ${told}`,
  atLevel: (share, level) => `${share} a ${level}`,
  around: (share, frequency) => `${share} en torno a ${frequency}`,
  heardOnce: (count) =>
    count === 1
      ? "Uno de ellos solo se ha oído en un tramo: entrene de nuevo cuando haya vuelto varias veces."
      : "Algunos solo se han oído en un tramo: entrene de nuevo cuando hayan vuelto varias veces.",
  leftOut: (count, text) => (count === 1 ? "1 ventana excluida (un ruido repentino)" : `${text} ventanas excluidas (ruidos repentinos)`),
  oddKept: (count, text) =>
    count === 1 ? "1 ventana parece extraña y se conserva." : `${text} ventanas parecen extrañas, demasiadas para ser ruidos: no se excluye ninguna.`,
};
