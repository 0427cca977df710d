// What the address of the settings' sites and machines says: which site is open, and which sensor is to be calibrated.

export interface PlantSearch {
  site?: string;
  calibrate?: string;
}

export function parsePlantSearch({ site, calibrate }: Record<string, unknown>): PlantSearch {
  return { ...(typeof site === "string" ? { site } : {}), ...(typeof calibrate === "string" ? { calibrate } : {}) };
}
