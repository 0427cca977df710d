// English words of the developer mode.

export const enDeveloper = {
  developer: {
    toggle: "Developer mode",
    title: "Developer mode",
    lead: "The sandbox of the predecessor's interface. Nothing here touches a real machine.",
    off: "Developer mode is off on this collector. Start it with AUDIOSENSE_DEVELOPER_MODE=1.",
    actions: "Sandbox actions",
    generate: "Generate",
    train: "Train",
    update: "Update",
    clear: "Clear",
    generateHint: "Empties the sandbox and inserts 10,000 measurements",
    trainHint: "Trains the sandbox's model on what it holds",
    updateHint: "Deprecated call, kept for old clients",
    clearHint: "Empties the sandbox's measurements and models",
    running: (action: string) => `${action}: running…`,
    failed: (action: string, why: string) => `${action} failed: ${why}`,
    rows: "Rows shown",
    lastRows: (n: string) => `Last ${n}`,
    refreshed: (ago: string) => `Refreshed ${ago}`,
    empty: "The sandbox is empty",
    emptyHint: "Press Generate to fill it with 10,000 measurements.",
    kpi: {
      total: "Measurements",
      rate: "Ingest rate",
      anomalies: (minutes: string) => `Anomalous in ${minutes} min`,
      value: "Last value",
      frequency: "Last frequency",
      status: "Last status",
      last: "Last measurement",
      lastAnomaly: "Last anomaly",
    },
    chart: {
      rms_db: "RMS level",
      dominant_freq_hz: "Dominant frequency",
      snr_db: "Signal-to-noise ratio",
      flatness: "Spectral flatness (ratio 0–1)",
      band_levels: "Band levels",
      model_score: "Model score and threshold (lower is stranger)",
      model_margin: "Model margin (score − threshold)",
    },
    score: "Score",
    threshold: "Threshold",
  },
};

export type DeveloperMessages = typeof enDeveloper;
