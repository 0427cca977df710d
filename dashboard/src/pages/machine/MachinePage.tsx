// One machine: its sensors, their charts, events and models.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import type { MachineDetail, SensorDetail } from "@/api/types";
import { machineQuery } from "@/api/queries";
import { EmptyState } from "@/components/EmptyState";
import { ErrorState } from "@/components/ErrorState";
import { ChevronIcon } from "@/components/icons";
import { SensorHealth } from "@/components/SensorHealth";
import { SkeletonPanels } from "@/components/Skeleton";
import { StatusBadge } from "@/components/StatusBadge";
import { StatusGlyph } from "@/components/StatusGlyph";
import { useMessages } from "@/i18n";
import { need } from "@/lib/status";
import { ClipsPanel } from "./ClipsPanel";
import { DriftPanel } from "./DriftPanel";
import { DetectabilityPanel } from "./DetectabilityPanel";
import { EventsTable } from "./EventsTable";
import { MachinePlace } from "./MachinePlace";
import { ModelPanel } from "./ModelPanel";
import { NotesPanel } from "./NotesPanel";
import { SensorCharts } from "./SensorCharts";
import { SensorFacts } from "./SensorFacts";
import { SensorHealthPanel } from "./SensorHealthPanel";
import { WhyStrip } from "./WhyStrip";

const route = getRouteApi("/machines/$machineId");

export function MachinePage() {
  const t = useMessages();
  const { machineId } = route.useParams();
  const machine = useQuery(machineQuery(machineId));
  return (
    <>
      <title>{`${machine.data?.name ?? t.loading} · ${t.app.name}`}</title>
      <Link to="/" className="back">
        <ChevronIcon />
        {t.machine.back}
      </Link>
      {machine.isPending && (
        <div className="flex flex-col gap-3">
          <SkeletonPanels count={3} className="h-40" />
        </div>
      )}
      {machine.isError && !machine.data && <ErrorState error={machine.error} onRetry={() => void machine.refetch()} />}
      {machine.data && <Machine machine={machine.data} />}
    </>
  );
}

function Machine({ machine }: { machine: MachineDetail }) {
  const t = useMessages();
  const search = route.useSearch();
  const sensor =
    machine.sensors.find((each) => each.id === search.sensor) ??
    machine.sensors.toSorted((a, b) => need(a.status) - need(b.status))[0];
  return (
    <>
      <div className="mb-2 flex flex-wrap items-center gap-x-4 gap-y-1">
        <h1 className="min-w-0 text-xl font-semibold tracking-tight [overflow-wrap:anywhere]">{machine.name}</h1>
        <StatusBadge state={machine.status} large progress={sensor?.learning ? sensor.learning.windows / sensor.learning.needed : undefined} />
        {sensor && (sensor.health.state === "failed" || sensor.health.state === "warning") && (
          <span className="min-w-0 text-sm">
            <SensorHealth health={sensor.health} />
          </span>
        )}
        <MachinePlace machine={machine} />
        <Link to="/machines/$machineId/report" params={{ machineId: machine.id }} search={sensor ? { sensor: sensor.id } : {}} className="button ml-auto">
          {t.view.report}
        </Link>
      </div>
      {machine.sensors.length > 1 && sensor && <SensorTabs sensors={machine.sensors} current={sensor.id} />}
      {sensor && <WhyStrip machineId={machine.id} sensor={sensor} />}
      {sensor ? (
        <>
          <SectionLinks />
          <div className="grid grid-cols-[minmax(0,1fr)] gap-3 lg:grid-cols-[minmax(0,1fr)_20rem]">
            <div className="flex min-w-0 flex-col gap-3">
              <div id="charts" className="flex min-w-0 scroll-mt-16 flex-col gap-3">
                <h2 className="sr-only">{t.view.charts}</h2>
                <SensorCharts key={sensor.id} machine={machine} sensor={sensor} />
              </div>
              <div id="events" className="min-w-0 scroll-mt-16">
                <EventsTable machineId={machine.id} manySensors={machine.sensors.length > 1} />
              </div>
              <NotesPanel machineId={machine.id} sensors={machine.sensors} current={sensor} />
            </div>
            <div className="flex flex-col gap-3">
              <SensorFacts sensor={sensor} siteId={machine.site.id} />
              <SensorHealthPanel key={`health ${sensor.id}`} sensor={sensor} />
              <ModelPanel key={sensor.id} sensor={sensor} />
              <DriftPanel key={`drift ${sensor.id}`} sensor={sensor} />
              <DetectabilityPanel sensor={sensor} />
              <ClipsPanel key={`clips ${sensor.id}`} sensor={sensor} />
            </div>
          </div>
        </>
      ) : (
        <div className="panel">
          <EmptyState title={t.machine.noSensors}>{t.machine.noSensorsHint}</EmptyState>
        </div>
      )}
    </>
  );
}

/** Ways to the parts of a long page; a link opens what is folded. */
function SectionLinks() {
  const t = useMessages();
  const sections = [
    ["charts", t.view.charts],
    ["events", t.events.title],
    ["notes", t.notes.title],
    ["health", t.checks.title],
    ["model", t.model.title],
    ["drift", t.drift.title],
    ["detectability", t.detectability.title],
    ["sound", t.clips.title],
  ] as const;
  return (
    <nav aria-label={t.view.sections} className="-mt-1 mb-3 flex gap-x-4 overflow-x-auto text-sm text-soft">
      {sections.map(([id, name]) => (
        <Link key={id} from={route.id} to="/machines/$machineId" search={(old) => old} hash={id} activeOptions={{ includeHash: true }} className="inline-flex min-h-8 items-center whitespace-nowrap underline-offset-4 hover:text-ink hover:underline">
          {name}
        </Link>
      ))}
    </nav>
  );
}

function SensorTabs({ sensors, current }: { sensors: readonly SensorDetail[]; current: string }) {
  const t = useMessages();
  return (
    <nav aria-label={t.machine.sensors} className="mb-3 flex flex-wrap gap-1 border-b border-line">
      {sensors.map((sensor) => (
        <Link
          key={sensor.id}
          from={route.id}
          to="/machines/$machineId"
          search={(old) => ({ ...old, sensor: sensor.id })}
          resetScroll={false}
          aria-current={sensor.id === current ? "page" : undefined}
          className={`-mb-px inline-flex h-10 items-center gap-1.5 border-b-2 px-3 text-sm ${sensor.id === current ? "border-accent font-medium" : "border-transparent text-soft hover:text-ink"}`}
        >
          <StatusGlyph state={sensor.status} size={16} progress={sensor.learning ? sensor.learning.windows / sensor.learning.needed : 0} />
          {sensor.name}
        </Link>
      ))}
    </nav>
  );
}
