// Which machine a recording sounds like: all models that can judge it, the likest first.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { type Analysis, analysisScoresQuery } from "@/api/analyses";
import { EmptyState } from "@/components/EmptyState";
import { ErrorState } from "@/components/ErrorState";
import { useMessages } from "@/i18n";
import { judgedBy } from "@/lib/analysis-search";
import { anomalousWindows, byLikeness } from "@/lib/analysis-verdict";
import { useFormat } from "@/lib/use-format";
import { VerdictWord } from "./VerdictWord";

const route = getRouteApi("/analyse/$analysisId");

export function Comparison({ analysis }: { analysis: Analysis }) {
  const t = useMessages();
  const format = useFormat();
  const navigate = route.useNavigate();
  const [asked, setAsked] = useState(false);
  const found = useQuery({ ...analysisScoresQuery(analysis.id, []), enabled: asked });
  const items = found.data?.items.toSorted(byLikeness) ?? [];
  const first = items.find(({ score }) => score);
  const windows = analysis.start_s.length;
  const show = (against: string) => {
    void navigate({ search: (old) => judgedBy(old, against === analysis.sensor?.id ? null : against), resetScroll: false });
    window.scrollTo({ top: 0 });
  };
  return (
    <section aria-label={t.analyse.compare} className="panel p-4">
      <h2 className="font-semibold">{t.analyse.compare}</h2>
      <p className="mb-2 max-w-prose text-sm text-faint">{t.analyse.compareHint(format.hertz(analysis.sample_rate_hz), format.withUnit(analysis.window_s, 1, "s"))}</p>
      {!found.data && !found.isError && (
        <button type="button" className="button" disabled={found.isFetching} onClick={() => setAsked(true)}>
          {found.isFetching ? t.analyse.scoring : t.analyse.compareAll}
        </button>
      )}
      {found.isError && <ErrorState error={found.error} onRetry={() => void found.refetch()} />}
      {found.data && items.length === 0 && <EmptyState title={t.analyse.compareNone}>{t.analyse.compareNoneHint}</EmptyState>}
      {first && (
        <p className="mb-2 font-medium" data-likest>
          {anomalousWindows(first) < windows ? t.analyse.likest(first.machine) : t.analyse.likeNone}
        </p>
      )}
      {items.length > 0 && (
        <div className="overflow-x-auto" tabIndex={0} role="group" aria-label={t.analyse.compare}>
          <table className="w-full text-left text-sm">
            <thead className="text-xs text-faint">
              <tr>
                {[t.analyse.columns.machine, t.analyse.columns.verdict, t.analyse.columns.median, t.analyse.columns.threshold].map((name, index) => (
                  <th key={name} scope="col" className={`px-1 py-1 font-medium ${index > 1 ? "text-right max-sm:hidden" : ""}`}>
                    {name}
                  </th>
                ))}
                <td />
              </tr>
            </thead>
            <tbody>
              {items.map((each) => (
                <tr key={each.sensor_id} data-compared={each.machine} className="border-t border-line">
                  <th scope="row" className="min-w-28 px-1 py-1.5 font-normal">{`${each.machine}, ${each.sensor}`}</th>
                  <td className="px-1 py-1.5">
                    <VerdictWord windows={windows} anomalous={each.score ? anomalousWindows(each) : null} />
                  </td>
                  <td className="px-1 py-1.5 text-right max-sm:hidden">{format.score(each.median)}</td>
                  <td className="px-1 py-1.5 text-right max-sm:hidden">{format.score(each.model?.threshold)}</td>
                  <td className="py-1.5 pl-2 text-right">
                    <button type="button" className="button" aria-label={t.analyse.showOf(`${each.machine}, ${each.sensor}`)} onClick={() => show(each.sensor_id)}>
                      {t.analyse.show}
                    </button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {(found.data?.left_out ?? 0) > 0 && <p className="mt-1 text-xs text-faint">{t.analyse.leftOut(format.number(found.data?.left_out))}</p>}
    </section>
  );
}
