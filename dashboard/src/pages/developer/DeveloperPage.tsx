// Developer mode: the sandbox's actions, key figures and every numeric key of its rows.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { sandboxKpisQuery, sandboxRowsQuery } from "@/api/developer";
import { systemQuery } from "@/api/queries";
import { useDeveloperMode } from "@/app/developer-mode";
import { EmptyState } from "@/components/EmptyState";
import { ErrorState } from "@/components/ErrorState";
import { SkeletonPanels } from "@/components/Skeleton";
import { TimeAgo } from "@/components/TimeAgo";
import { useMessages } from "@/i18n";
import { toServerUs } from "@/lib/clock";
import { useFormat } from "@/lib/use-format";
import { SandboxActions } from "./SandboxActions";
import { SandboxCharts } from "./SandboxCharts";
import { SandboxKpis } from "./SandboxKpis";

const LIMITS = [500, 2000, 10_000] as const;

export function DeveloperPage() {
  const t = useMessages();
  const { known, offered } = useDeveloperMode();
  const system = useQuery(systemQuery);
  return (
    <>
      <title>{`${t.developer.title} · ${t.app.name}`}</title>
      <h1 className="text-xl font-semibold tracking-tight">{t.developer.title}</h1>
      <p className="mb-4 text-sm text-faint">{t.developer.lead}</p>
      {system.isPending && <SkeletonPanels count={1} className="h-36" />}
      {system.isError && !system.data && <ErrorState error={system.error} onRetry={() => void system.refetch()} />}
      {known && !offered && (
        <div className="panel">
          <EmptyState title={t.developer.off} />
        </div>
      )}
      {offered && <Sandbox />}
    </>
  );
}

function Sandbox() {
  const t = useMessages();
  const format = useFormat();
  const [limit, setLimit] = useState<number>(2000);
  const rows = useQuery(sandboxRowsQuery(limit));
  const kpis = useQuery(sandboxKpisQuery);
  return (
    <div className="flex flex-col gap-3">
      <SandboxActions />
      {kpis.data && <SandboxKpis kpis={kpis.data} />}
      {rows.isPending && <SkeletonPanels count={4} className="h-36" />}
      {rows.isError && !rows.data && <ErrorState error={rows.error} onRetry={() => void rows.refetch()} />}
      {rows.data && (
        <div className="flex flex-wrap items-center justify-between gap-2 text-sm text-faint">
          <span>
            <TimeAgo us={toServerUs(rows.dataUpdatedAt)}>{t.developer.refreshed}</TimeAgo>
          </span>
          <label className="flex items-center gap-2">
            {t.developer.rows}
            <select className="field" value={limit} onChange={(event) => setLimit(Number(event.target.value))}>
              {LIMITS.map((each) => (
                <option key={each} value={each}>
                  {t.developer.lastRows(format.number(each))}
                </option>
              ))}
            </select>
          </label>
        </div>
      )}
      {rows.data?.length === 0 && (
        <div className="panel">
          <EmptyState title={t.developer.empty}>{t.developer.emptyHint}</EmptyState>
        </div>
      )}
      {rows.data && rows.data.length > 0 && <SandboxCharts rows={rows.data} />}
    </div>
  );
}
