// All sensors with the models that they run and are to run.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { type SensorModels, sensorModelsQuery, type Standing } from "@/api/models";
import { fleetQuery } from "@/api/queries";
import { EmptyState } from "@/components/EmptyState";
import { ErrorState } from "@/components/ErrorState";
import { SkeletonPanels } from "@/components/Skeleton";
import { More } from "@/components/More";
import { useMessages } from "@/i18n";
import { type ModelsSearch, parseModelsSearch, STANDINGS } from "@/lib/models-search";
import { useFormat } from "@/lib/use-format";
import { useTyped } from "@/lib/use-typed";
import { ModelsTable } from "./ModelsTable";
import { StandingBadge } from "./StandingBadge";

const route = getRouteApi("/models");

export function ModelsPage() {
  const t = useMessages();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const query = useInfiniteQuery(sensorModelsQuery(search));
  const sensors = query.data?.pages.flatMap((page) => page.items);
  const change = (next: ModelsSearch) => void navigate({ search: next, replace: true, resetScroll: false });
  return (
    <>
      <title>{`${t.models.title} · ${t.app.name}`}</title>
      <h1 className="text-xl font-semibold tracking-tight">{t.models.title}</h1>
      <p className="mb-3 text-sm text-faint">{t.models.lead}</p>
      <Tools search={search} onChange={change}>
        {sensors && <Counts counts={query.data?.pages[0]?.counts} chosen={search.standing} onChoose={(standing) => change(withStanding(search, standing))} />}
      </Tools>
      {query.isError && !sensors && <ErrorState error={query.error} onRetry={() => void query.refetch()} />}
      {query.isPending && <SkeletonPanels count={3} className="h-24" />}
      {sensors && (
        <>
          <Found sensors={sensors} search={search} onShowAll={() => change({})} />
          <More of={query} className="mt-3" />
        </>
      )}
    </>
  );
}

function withStanding(search: ModelsSearch, standing: Standing): ModelsSearch {
  const rest = { ...search };
  delete rest.standing;
  return search.standing === standing ? rest : { ...rest, standing };
}

function Found({ sensors, search, onShowAll }: { sensors: readonly SensorModels[]; search: ModelsSearch; onShowAll: () => void }) {
  const t = useMessages();
  if (sensors.length > 0) return <ModelsTable sensors={sensors} />;
  const isChosen = Object.keys(search).length > 0;
  return (
    <div className="panel">
      <EmptyState title={isChosen ? t.models.none : t.models.noneAtAll}>
        {isChosen ? (
          <button type="button" className="button mt-1" onClick={onShowAll}>
            {t.models.showAll}
          </button>
        ) : (
          t.models.noneAtAllHint
        )}
      </EmptyState>
    </div>
  );
}

function Tools({ search, onChange, children }: { search: ModelsSearch; onChange: (search: ModelsSearch) => void; children: ReactNode }) {
  const t = useMessages();
  const machines = useQuery(fleetQuery).data?.machines ?? [];
  const sites = new Map(machines.map(({ site }) => [site.id, site.name]));
  // What says nothing is left out, so that addresses stay short.
  const withOne = (name: "q" | "site", value: string) => onChange(parseModelsSearch({ ...search, [name]: value }));
  return (
    <div role="search" className="mb-3 flex flex-wrap items-center gap-2">
      <SearchBox value={search.q ?? ""} onChange={(q) => withOne("q", q)} />
      {sites.size > 1 && (
        <select aria-label={t.models.site} className="field max-w-48" value={search.site ?? ""} onChange={(event) => withOne("site", event.target.value)}>
          <option value="">{t.models.allSites}</option>
          {[...sites].map(([id, name]) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      )}
      {children}
    </div>
  );
}

function SearchBox({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const t = useMessages();
  const typed = useTyped(value, onChange);
  return (
    <input
      type="search"
      aria-label={t.models.search}
      placeholder={t.models.search}
      {...typed}
      className="field min-w-40 flex-1 sm:max-w-72"
    />
  );
}

interface CountsProps {
  counts: Partial<Record<Standing, number>> | undefined;
  chosen: Standing | undefined;
  onChoose: (standing: Standing) => void;
}

function Counts({ counts = {}, chosen, onChoose }: CountsProps) {
  const t = useMessages();
  const format = useFormat();
  return (
    <ul aria-label={t.models.counts} className="flex flex-wrap gap-1.5 text-sm">
      {STANDINGS.filter((each) => (counts[each] ?? 0) > 0 || each === chosen).map((each) => (
        <li key={each}>
          <button
            type="button"
            data-count={each}
            aria-pressed={each === chosen}
            onClick={() => onChoose(each)}
            className={`flex min-h-8 items-center gap-1.5 rounded-full border px-2.5 hover:border-line-strong aria-pressed:border-current aria-pressed:bg-raised pointer-coarse:min-h-11 ${each === chosen ? "" : "border-line"}`}
          >
            <StandingBadge standing={each} />
            <span className="font-semibold">{format.number(counts[each] ?? 0)}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}
