// English words of reasons: of ranges of frequency by the reason's key, of figures by the feature.

export const reasons = {
  why: "Why",
  none: "No single figure stands out; many differ a little.",
  deviation: (times: string) => `${times} times the baseline's usual spread`,
  ranges: {
    band: (range: string) => `${range} band`,
    band_relative: (range: string) => `${range} band against the rest`,
    unsteadiness: (range: string) => `Unsteadiness, ${range}`,
  } as Record<string, (range: string) => string>,
  figures: {
    rms_dbfs: "Level",
    kurtosis_log: "Impulsiveness (kurtosis)",
    crest_db: "Impulsiveness (crest factor)",
    dominant_khz: "Strongest tone",
    flatness_db: "Hiss (spectral flatness)",
    snr_db: "Tones above the noise",
    centroid_khz: "Brightness (spectral centroid)",
    rolloff_khz: "Brightness (85 % roll-off)",
    bandwidth_khz: "Brightness (bandwidth)",
    zcr_khz: "Brightness (zero crossings)",
    flux_db: "Roughness (spectral flux)",
  } as Record<string, string>,
};
