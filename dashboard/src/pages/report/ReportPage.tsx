// A machine's report for the work order: one page of paper, always light.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";
import { machineQuery } from "@/api/queries";
import type { MachineDetail, SensorDetail } from "@/api/types";
import { usePaper } from "@/app/theme";
import { ErrorState } from "@/components/ErrorState";
import { ChevronIcon } from "@/components/icons";
import { Reasons } from "@/components/Reasons";
import { SkeletonPanels } from "@/components/Skeleton";
import { StatusBadge } from "@/components/StatusBadge";
import { useMessages } from "@/i18n";
import { serverNowUs } from "@/lib/clock";
import { REPORT_RANGES } from "@/lib/ranges";
import { need } from "@/lib/status";
import { useFormat } from "@/lib/use-format";
import { ReportCharts } from "./ReportCharts";
import { ReportEvents } from "./ReportEvents";
import { ReportNotes } from "./ReportNotes";
import { ReportSensors } from "./ReportSensors";

const route = getRouteApi("/machines/$machineId/report");

export function ReportPage() {
  const t = useMessages();
  const { machineId } = route.useParams();
  const machine = useQuery(machineQuery(machineId));
  usePaper();
  return (
    <>
      <title>{`${t.report.of(machine.data?.name ?? "")} · ${t.app.name}`}</title>
      {machine.isPending && <SkeletonPanels count={3} className="h-40" />}
      {machine.isError && !machine.data && <ErrorState error={machine.error} onRetry={() => void machine.refetch()} />}
      {machine.data && <Report machine={machine.data} />}
    </>
  );
}

function Report({ machine }: { machine: MachineDetail }) {
  const t = useMessages();
  const format = useFormat();
  const { sensor: wanted, range = "24h" } = route.useSearch();
  const [madeUs] = useState(serverNowUs);
  const sensor =
    machine.sensors.find((each) => each.id === wanted) ?? machine.sensors.toSorted((a, b) => need(a.status) - need(b.status))[0];
  const words = { "24h": t.report.lastDay, "7d": t.report.lastWeek };
  return (
    <>
      <div className="print-none mx-auto mb-3 flex max-w-[56rem] flex-wrap items-center gap-2">
        <Link to="/machines/$machineId" params={{ machineId: machine.id }} search={sensor ? { sensor: sensor.id } : {}} className="back mr-auto max-sm:w-full">
          <ChevronIcon />
          {t.report.back}
        </Link>
        {REPORT_RANGES.map((each) => (
          <Link key={each} from={route.id} to="/machines/$machineId/report" search={(old) => ({ ...old, range: each })} aria-current={each === range ? "true" : undefined} className={`button ${each === range ? "border-accent text-accent" : ""}`}>
            {words[each]}
          </Link>
        ))}
        <button type="button" className="button button-primary max-sm:ml-auto" onClick={() => window.print()}>
          {t.report.print}
        </button>
      </div>
      <article aria-label={t.report.of(machine.name)} className="mx-auto flex max-w-[56rem] flex-col gap-3 rounded-lg border border-line bg-surface p-4 sm:p-6 print:max-w-none print:gap-2 print:border-0 print:p-0">
        <header className="flex flex-wrap items-baseline justify-between gap-x-4 border-b-2 border-ink pb-2">
          <h1 className="text-xl font-semibold [overflow-wrap:anywhere]">{machine.name}</h1>
          <p className="text-sm text-soft">
            {t.app.name} · {t.report.title} · {t.report.made(format.dateTime(madeUs))}
          </p>
        </header>
        <State machine={machine} sensor={sensor} />
        <ReportSensors sensors={machine.sensors} />
        {sensor && <ReportCharts key={`${sensor.id} ${range}`} machineId={machine.id} sensor={sensor} range={range} toUs={madeUs} />}
        <ReportEvents machineId={machine.id} />
        <ReportNotes machineId={machine.id} />
        <Signature />
        <p className="text-xs [overflow-wrap:anywhere] text-faint">{t.report.page(window.location.href)}</p>
      </article>
    </>
  );
}

function State({ machine, sensor }: { machine: MachineDetail; sensor: SensorDetail | undefined }) {
  const t = useMessages();
  return (
    <section aria-label={t.report.state} className="flex flex-col gap-1">
      <p className="flex flex-wrap items-center gap-x-4 gap-y-1">
        <StatusBadge state={machine.status} large />
        <span className="text-sm text-soft">
          {t.report.site}: {machine.site.name}
        </span>
      </p>
      <p className="text-sm">{t.stateHint[machine.status]}</p>
      {sensor?.reasons && sensor.reasons.length > 0 && (
        <div className="text-sm">
          <Reasons reasons={sensor.reasons} />
        </div>
      )}
    </section>
  );
}

function Signature() {
  const t = useMessages();
  return (
    <div className="grid grid-cols-2 gap-6 pt-4 text-xs text-faint">
      {[t.report.order, t.report.by].map((name) => (
        <span key={name} className="border-t border-line-strong pt-1">
          {name}
        </span>
      ))}
    </div>
  );
}
