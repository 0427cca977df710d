// English words of levels, their units and the running level.

export const enLevels = {
  level: {
    title: { sound_pressure: "Sound pressure level", acceleration: "Acceleration, RMS" },
    weighted: "A-weighted level",
    velocity: "Velocity, RMS 10–1000 Hz",
    velocityNote: "the quantity of ISO 20816-1; its zones depend on the machine",
    uncalibrated: {
      sound_pressure: "Not calibrated: levels are relative to full scale. Give dbfs_at_94_db_spl in the agent's configuration for dB SPL and dB(A).",
      acceleration: "Not calibrated: levels are relative to full scale. Give full_scale_g in the agent's configuration for g and mm/s.",
    },
  },
  running: {
    above: "Runs above",
    origin: { learned: "learned", set: "set here", agent: "set in the agent's configuration" },
    unknown: "learned with the first model",
    never: "never stopped",
    agentHint: "running_level_dbfs in the agent's configuration stands over settings made here; remove it there to set it here.",
    settling: "Start waited out",
    windows: (n: number, text: string) => (n === 1 ? `${text} window` : `${text} windows`),
    change: "Change running level",
    level: "Running level, dBFS",
    levelHint: "empty: as learned",
    levelLearned: (level: string) => `empty: as learned, ${level}`,
    off: "The machine never counts as stopped",
    settlingHint: "windows; empty: as learned",
    save: "Save",
    cancel: "Cancel",
    saved: "Saved. The agent takes it with its next batches.",
  },
};

export type LevelMessages = typeof enLevels;
