// The figures of an evaluation: one model, or two side by side, and their scores over time.
import type { ReactNode } from "react";
import type { EvaluationReport, ModelFigures } from "@/api/models";
import { useMessages } from "@/i18n";
import type { Messages } from "@/i18n/en";
import type { Format } from "@/lib/format";
import { useFormat } from "@/lib/use-format";
import { CourseChart } from "./CourseChart";

export function EvaluationFigures({ report }: { report: EvaluationReport }) {
  const t = useMessages();
  const format = useFormat();
  const { model, compared } = report;
  if (!model) {
    return (
      <p className="mt-1 text-faint">
        {t.models.noWindows} {leftOutWords(report, t, format)}
      </p>
    );
  }
  const columns = compared ? [model, compared] : [model];
  return (
    <>
      <table className="mt-1 w-full max-w-2xl text-sm">
        <thead className="text-xs text-faint">
          <tr>
            <th scope="col" className="py-1 pr-3 text-left font-medium">{t.models.figure}</th>
            {columns.map((each) => (
              <th key={each.digest} scope="col" className="py-1 pl-3 text-right font-medium">
                {t.models.version(format.number(each.version))}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows(t, format).map(([name, write]) => (
            <tr key={name} className="border-t border-line align-top">
              <th scope="row" className="py-1 pr-3 text-left font-normal text-soft">{name}</th>
              {columns.map((each) => (
                <td key={each.digest} className="py-1 pl-3 text-right tabular-nums">{write(each)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <p className="mt-2 text-xs text-faint">{[agreementWords(report, t, format), equalWords(report, t, format), leftOutWords(report, t, format)].filter(Boolean).join(" ")}</p>
      {report.course && (
        <div className="mt-3">
          <CourseChart report={report} />
        </div>
      )}
    </>
  );
}

/** With what chance alone may make of it. */
function PerDay({ figures }: { figures: ModelFigures }) {
  const t = useMessages();
  const format = useFormat();
  const [low, high] = figures.alarms_per_day_ci;
  return (
    <>
      {format.number(figures.alarms_per_day, 2)}
      <span className="block text-xs text-faint">{t.models.interval(format.number(low, 2), format.number(high, 2))}</span>
    </>
  );
}

type Row = readonly [string, (figures: ModelFigures) => ReactNode];

function rows(t: Messages, format: Format): Row[] {
  const share = (value: number) => format.withUnit(100 * value, 2, t.unit.percent);
  return [
    [t.models.threshold, (each) => format.number(each.threshold, 4)],
    [t.models.alarms, (each) => format.number(each.alarms)],
    [t.models.perDay, (each) => <PerDay figures={each} />],
    [t.models.budget, (each) => format.number(each.budget_per_day, 2)],
    [t.models.over, (each) => share(each.over_threshold)],
    [t.models.median, (each) => format.score(each.score_quantiles["0.5"])],
    [t.models.p99, (each) => format.score(each.score_quantiles["0.99"])],
  ];
}

function agreementWords({ agreement, model, compared }: EvaluationReport, t: Messages, format: Format): string {
  if (!agreement || !model || !compared) return "";
  const only = (figures: ModelFigures, count: number) => `${t.models.onlyOne(format.number(figures.version))}: ${format.number(count)}`;
  return `${t.models.agreement}: ${format.number(agreement.both)}; ${only(model, agreement.only_model)}; ${only(compared, agreement.only_compared)}.`;
}

function equalWords({ stored_scores: stored }: EvaluationReport, t: Messages, format: Format): string {
  return stored.windows === 0 ? "" : t.models.equal(format.number(stored.equal), format.number(stored.windows));
}

function leftOutWords({ left_out: counts }: EvaluationReport, t: Messages, format: Format): string {
  const kinds = Object.keys(t.models.leftOutKinds) as (keyof typeof counts)[];
  const told = kinds.filter((kind) => counts[kind] > 0).map((kind) => `${format.number(counts[kind])} ${t.models.leftOutKinds[kind]}`);
  return told.length === 0 ? "" : `${t.models.leftOut}: ${told.join(", ")}.`;
}
