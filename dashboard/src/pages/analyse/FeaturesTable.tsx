// All plain features of the recording with their units, lowest to highest over its windows; one of them can be charted.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useMemo } from "react";
import type { Analysis } from "@/api/analyses";
import { featuresQuery } from "@/api/queries";
import { ErrorState } from "@/components/ErrorState";
import { Section } from "@/components/Section";
import { useMessages } from "@/i18n";
import { toCsv } from "@/lib/csv";
import { download } from "@/lib/download";
import { useFormat } from "@/lib/use-format";
import { featureLabel } from "@/lib/feature-names";

const route = getRouteApi("/analyse/$analysisId");
const DIGITS = 2;

export function FeaturesTable({ analysis }: { analysis: Analysis }) {
  const t = useMessages();
  const { names, values } = analysis.features;
  const save = () => {
    const columns = names.map((name, column) => ({ name, values: values.map((row) => row[column] ?? null) }));
    const last = analysis.start_s.at(-1) ?? 0;
    download(toCsv(analysis.start_s, columns, 0, last, true), [analysis.filename, t.analyse.features], "csv");
  };
  return (
    <Section id="features" title={t.analyse.features} folded>
      <div className="mb-2 flex flex-wrap items-center justify-between gap-2">
        <p className="max-w-prose text-sm text-faint">{t.analyse.featuresHint}</p>
        <button type="button" className="button" aria-label={t.chart.saveCsv(t.analyse.features)} onClick={save}>
          CSV
        </button>
      </div>
      <Rows analysis={analysis} />
    </Section>
  );
}

function Rows({ analysis }: { analysis: Analysis }) {
  const t = useMessages();
  const format = useFormat();
  const navigate = route.useNavigate();
  const { feature: picked } = route.useSearch();
  const { schema_id: schema, names, values } = analysis.features;
  const known = useQuery(featuresQuery(schema));
  const rows = useMemo(() => {
    return (known.data ?? []).flatMap((feature) => {
      const whole = analysis.summary[feature.name];
      const column = names.indexOf(feature.name);
      if (whole === undefined || column < 0) return [];
      const own = values.map((row) => row[column] ?? Number.NaN);
      return [{ ...feature, whole, low: Math.min(...own), high: Math.max(...own) }];
    });
  }, [known.data, analysis.summary, names, values]);
  if (known.isError) return <ErrorState error={known.error} onRetry={() => void known.refetch()} />;
  const pick = (name: string) => {
    void navigate({ search: ({ feature, ...rest }) => (feature === name ? rest : { ...rest, feature: name }), resetScroll: false });
  };
  return (
    <div className="max-h-[32rem] overflow-auto" tabIndex={0} role="group" aria-label={t.analyse.features}>
      <table className="w-full text-left text-sm">
        <thead className="sticky top-0 bg-surface text-xs text-faint">
          <tr>
            <th scope="col" className="px-1 py-1 font-medium">{t.analyse.columns.feature}</th>
            <th scope="col" className="px-1 py-1 text-right font-medium">{t.analyse.columns.whole}</th>
            <th scope="col" className="px-1 py-1 text-right font-medium max-sm:hidden">{t.chart.lowest}</th>
            <th scope="col" className="px-1 py-1 text-right font-medium max-sm:hidden">{t.chart.highest}</th>
            <td />
          </tr>
        </thead>
        {[...Map.groupBy(rows, ({ group }) => group)].map(([group, members]) => (
          <tbody key={group}>
            <tr>
              <th scope="rowgroup" colSpan={5} className="px-1 pt-3 pb-1 text-xs font-medium text-faint">
                {t.featureGroups[group] ?? group}
              </th>
            </tr>
            {members.map(({ name, unit, whole, low, high, ...feature }) => {
              const label = featureLabel({ name, unit, ...feature }, t);
              return (
                <tr key={name} className="border-t border-line">
                  <th scope="row" className="px-1 py-1 font-normal">{label}</th>
                  <td className="px-1 py-1 text-right whitespace-nowrap">{format.withUnit(whole, DIGITS, unit)}</td>
                  <td className="px-1 py-1 text-right whitespace-nowrap max-sm:hidden">{format.withUnit(low, DIGITS, unit)}</td>
                  <td className="px-1 py-1 text-right whitespace-nowrap max-sm:hidden">{format.withUnit(high, DIGITS, unit)}</td>
                  <td className="py-1 pl-2 text-right">
                    <button type="button" className="rounded px-2 py-1 text-xs text-soft hover:bg-raised hover:text-ink aria-pressed:font-semibold aria-pressed:text-ink aria-pressed:underline pointer-coarse:min-h-9" aria-pressed={picked === name} aria-label={t.analyse.chartOf(label)} onClick={() => pick(name)}>
                      {t.analyse.chart}
                    </button>
                  </td>
                </tr>
              );
            })}
          </tbody>
        ))}
      </table>
    </div>
  );
}
