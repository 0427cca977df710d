// Spanish words of levels, their units and the running level.
import type { LevelMessages } from "./levels.en";

export const esLevels: LevelMessages = {
  level: {
    title: { sound_pressure: "Nivel de presión sonora", acceleration: "Aceleración eficaz" },
    weighted: "Nivel ponderado A",
    velocity: "Velocidad eficaz 10–1000 Hz",
    velocityNote: "la magnitud de ISO 20816-1; sus zonas dependen de la máquina",
    uncalibrated: {
      sound_pressure: "Sin calibrar: los niveles son relativos al fondo de escala. Indique dbfs_at_94_db_spl en la configuración del agente para tener dB SPL y dB(A).",
      acceleration: "Sin calibrar: los niveles son relativos al fondo de escala. Indique full_scale_g en la configuración del agente para tener g y mm/s.",
    },
  },
  running: {
    above: "En marcha por encima de",
    origin: { learned: "aprendido", set: "fijado aquí", agent: "fijado en la configuración del agente" },
    unknown: "se aprende con el primer modelo",
    never: "nunca parada",
    agentHint: "running_level_dbfs en la configuración del agente prevalece sobre lo que se fije aquí; quítelo allí para fijarlo aquí.",
    settling: "Espera tras el arranque",
    windows: (n, text) => (n === 1 ? `${text} ventana` : `${text} ventanas`),
    change: "Cambiar el nivel de marcha",
    level: "Nivel de marcha, dBFS",
    levelHint: "vacío: el aprendido",
    levelLearned: (level) => `vacío: el aprendido, ${level}`,
    off: "La máquina nunca cuenta como parada",
    settlingHint: "ventanas; vacío: lo aprendido",
    save: "Guardar",
    cancel: "Cancelar",
    saved: "Guardado. El agente lo toma con sus próximos lotes.",
  },
};
