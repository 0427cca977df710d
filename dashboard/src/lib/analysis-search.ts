// What the page of an analysis shows, kept in its address so that it can be copied.

export interface AnalysisSearch {
  /** The sensor whose model judges the recording, where it is not the one that it was analysed for. */
  against?: string;
  /** The feature that is charted. */
  feature?: string;
}

export function parseAnalysisSearch(raw: Record<string, unknown>): AnalysisSearch {
  const search: AnalysisSearch = {};
  if (typeof raw.against === "string" && raw.against !== "") search.against = raw.against;
  if (typeof raw.feature === "string" && raw.feature !== "") search.feature = raw.feature;
  return search;
}

/** The same judged by another sensor's model; null: by that which it was analysed for. */
export function judgedBy({ feature }: AnalysisSearch, sensorId: string | null): AnalysisSearch {
  return { ...(feature === undefined ? {} : { feature }), ...(sensorId === null ? {} : { against: sensorId }) };
}
