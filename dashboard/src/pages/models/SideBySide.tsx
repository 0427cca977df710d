// What two models are and hear, in two columns.
import type { ReactNode } from "react";
import type { ModelDetail } from "@/api/models";
import { kindName, reach } from "@/components/model/detectability";
import { thresholdWords } from "@/components/model/threshold-words";
import { useMessages } from "@/i18n";
import type { Messages } from "@/i18n/en";
import type { Format } from "@/lib/format";
import { useFormat } from "@/lib/use-format";
import { detectorName, excludedWords, sensorWords } from "./model-words";

interface Props {
  first: ModelDetail;
  second: ModelDetail;
}

export function SideBySide({ first, second }: Props) {
  const t = useMessages();
  const format = useFormat();
  const both = [first, second];
  const sameSensor = first.sensor_id === second.sensor_id;
  return (
    <>
      <table className="w-full table-fixed text-sm">
        <thead className="text-xs text-faint">
          <tr>
            <th scope="col" className="w-1/4 py-1 pr-3 text-left font-medium max-sm:w-[28%]">{t.models.figure}</th>
            {both.map((each) => (
              <th key={each.digest} scope="col" className="py-1 pl-3 text-left font-medium text-ink">
                {sameSensor ? "" : `${sensorWords(each.place, t)}: `}
                {t.models.version(format.number(each.version))}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {[...figures(t, format), ...heard(both, t, format)].map(([name, write]) => (
            <tr key={name} className="border-t border-line align-top">
              <th scope="row" className="py-1.5 pr-3 text-left font-normal text-soft [overflow-wrap:anywhere]">{name}</th>
              {both.map((each) => (
                <td key={each.digest} className="py-1.5 pl-3 [overflow-wrap:anywhere]">{write(each)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <FeatureSets first={first} second={second} />
    </>
  );
}

type Row = readonly [string, (model: ModelDetail) => ReactNode];

function figures(t: Messages, format: Format): Row[] {
  const share = (value: number | undefined) => (value === undefined ? "–" : format.withUnit(100 * value, 2, t.unit.percent));
  return [
    [t.models.state, (model) => t.model.state[model.state]],
    [t.model.created, (model) => format.dateTime(model.created_us)],
    [
      t.models.baseline,
      ({ baseline }) => (
        <>
          {t.model.trainedValue(format.number(baseline.windows))}
          <span className="block text-xs text-faint">{format.span(baseline.from_us, baseline.to_us)}</span>
        </>
      ),
    ],
    [t.models.excluded, (model) => excludedWords(model, t, format)],
    [t.model.detector, (model) => detectorName(model.detector, t)],
    [
      t.model.threshold,
      ({ threshold }) => (
        <>
          {format.number(threshold.value, 4)}
          <span className="block text-xs text-faint">{thresholdWords(threshold, t, format.locale)}</span>
        </>
      ),
    ],
    [t.models.heldOutHint, (model) => share(model.evaluation.held_out_share_above)],
    [t.models.level, (model) => format.withUnit(model.running_level_dbfs, 1, t.unit.dbfs)],
  ];
}

/** From which level on each hears a kind of synthetic fault. */
function heard(models: readonly ModelDetail[], t: Messages, format: Format): Row[] {
  const kinds = new Set(models.flatMap((model) => model.detectability?.kinds.map(({ kind }) => kind) ?? []));
  const write = (level: number) => format.withUnit(level, 0, t.unit.db);
  return [...kinds].map((kind) => [
    kindName(kind, models[0]?.sample_rate_hz ?? 0, t, format),
    (model) => {
      const found = model.detectability?.kinds.find((each) => each.kind === kind);
      return found ? reach(found, t.detectability, write).heard : <span className="text-faint">{t.models.notProbed}</span>;
    },
  ]);
}

function FeatureSets({ first, second }: Props) {
  const t = useMessages();
  const format = useFormat();
  const only = (model: ModelDetail, other: ModelDetail) => model.features.filter((name) => !other.features.includes(name));
  const differences = [
    [first, only(first, second)],
    [second, only(second, first)],
  ] as const;
  if (differences.every(([, names]) => names.length === 0)) {
    return <p className="mt-3 text-sm text-soft">{t.models.sameFeatures(format.number(first.features.length))}</p>;
  }
  return (
    <dl className="mt-3 text-sm">
      {differences.map(([model, names]) => (
        <div key={model.digest} className="mt-1">
          <dt className="text-soft">
            {t.models.version(format.number(model.version))}, {t.models.features(format.number(model.features.length))}. {t.models.onlyFeatures}:
          </dt>
          <dd className="text-xs text-faint [overflow-wrap:anywhere]">{names.length > 0 ? names.join(", ") : "–"}</dd>
        </div>
      ))}
    </dl>
  );
}
