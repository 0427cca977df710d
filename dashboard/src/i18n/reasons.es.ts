// Spanish words of reasons; the type holds them to the keys of reasons.en.ts.
import type { reasons as english } from "./reasons.en";

export const reasons: typeof english = {
  why: "Por qué",
  none: "Ninguna cifra destaca por sí sola; muchas difieren un poco.",
  deviation: (times) => `${times} veces la dispersión habitual de la línea base`,
  ranges: {
    band: (range) => `Banda ${range}`,
    band_relative: (range) => `Banda ${range} frente al resto`,
    unsteadiness: (range) => `Inestabilidad, ${range}`,
  },
  figures: {
    rms_dbfs: "Nivel",
    kurtosis_log: "Impulsividad (curtosis)",
    crest_db: "Impulsividad (factor de cresta)",
    dominant_khz: "Tono más fuerte",
    flatness_db: "Siseo (planitud espectral)",
    snr_db: "Tonos sobre el ruido",
    centroid_khz: "Brillo (centroide espectral)",
    rolloff_khz: "Brillo (caída al 85 %)",
    bandwidth_khz: "Brillo (ancho de banda)",
    zcr_khz: "Brillo (cruces por cero)",
    flux_db: "Aspereza (flujo espectral)",
  },
};
