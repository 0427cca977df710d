// Why a sensor's model cannot judge a recording, and what to do about it.
import type { Analysis, SensorScore } from "@/api/analyses";
import type { Messages } from "@/i18n/en";
import type { Format } from "@/lib/format";

type Refusal = NonNullable<SensorScore["refused"]>;

export function refusalWords(refused: Refusal, of: SensorScore, analysis: Analysis, t: Messages, format: Format): string {
  const seconds = (value: number) => format.withUnit(value, Number.isInteger(value) ? 0 : 1, "s");
  switch (refused) {
    case "no-model":
      return t.analyse.refusal.noModel(of.machine);
    case "rate":
      return t.analyse.refusal.rate(of.machine, format.hertz(of.sample_rate_hz), format.hertz(analysis.sample_rate_hz));
    case "window":
      return t.analyse.refusal.window(of.machine, seconds(of.window_s), seconds(analysis.window_s));
    case "short":
      return t.analyse.refusal.short(of.machine, seconds(of.window_s));
    case "features":
      return t.analyse.refusal.features(of.machine);
  }
}
