// The verdict in one sentence, and the choice of the machine whose model gives it.
import { getRouteApi, Link } from "@tanstack/react-router";
import type { Analysis, SensorScore } from "@/api/analyses";
import { useMessages } from "@/i18n";
import { judgedBy } from "@/lib/analysis-search";
import { verdictOf } from "@/lib/analysis-verdict";
import { useFormat } from "@/lib/use-format";
import type { Judgement } from "./judgement";
import { refusalWords } from "./refusal-words";
import { SensorSelect } from "./SensorSelect";
import { VerdictWord } from "./VerdictWord";

const route = getRouteApi("/analyse/$analysisId");

interface Props {
  analysis: Analysis;
  judgement: Judgement | null;
  /** What another sensor's model answered, where one is chosen. */
  asked: SensorScore | undefined;
  waiting: boolean;
}

export function VerdictLine({ analysis, judgement, asked, waiting }: Props) {
  const t = useMessages();
  const format = useFormat();
  const navigate = route.useNavigate();
  const { against } = route.useSearch();
  const windows = analysis.start_s.length;
  const anomalous = judgement ? judgement.anomalous.filter(Boolean).length : null;
  const choose = (sensorId: string) => {
    void navigate({
      search: (old) => judgedBy(old, sensorId === "" || sensorId === analysis.sensor?.id ? null : sensorId),
      resetScroll: false,
    });
  };
  const sentence = () => {
    if (waiting) return t.analyse.scoring;
    if (asked?.refused) return refusalWords(asked.refused, asked, analysis, t, format);
    if (!judgement || anomalous === null) return analysis.sensor ? t.analyse.noModel(analysis.sensor.machine) : t.analyse.notScored;
    const words = t.analyse.sentence[verdictOf(windows, anomalous)];
    return words(judgement.machine, format.number(anomalous), format.number(windows));
  };
  return (
    <section aria-label={t.analyse.result} className="panel flex flex-wrap items-end justify-between gap-x-6 gap-y-3 p-4">
      <div className="min-w-0 flex-1 basis-80">
        <VerdictWord windows={windows} anomalous={anomalous} />
        <p data-sentence className="mt-1 max-w-prose [overflow-wrap:anywhere]">
          {sentence()}
        </p>
        {judgement && (
          <p className="mt-1 text-sm text-faint">
            {t.analyse.judgedBy(judgement.sensor, format.score(judgement.threshold), format.score(Math.max(...judgement.score)))}{" "}
            <Link to="/machines/$machineId" params={{ machineId: judgement.machineId }} className="underline underline-offset-4">
              {t.analyse.toMachine(judgement.machine)}
            </Link>
          </p>
        )}
      </div>
      <label className="flex w-full max-w-80 min-w-0 flex-col gap-1">
        <span className="label">{t.analyse.against}</span>
        <SensorSelect value={against ?? analysis.sensor?.id ?? ""} none={t.analyse.noMachine} onChoose={choose} />
      </label>
    </section>
  );
}
