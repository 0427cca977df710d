// Sensors with their models as a table; on a phone the rest stands below the sensor's name. Of many only the lines near
// the window are in the document; they differ in height, so each is measured.
import { Link } from "@tanstack/react-router";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { memo, type ReactNode, type Ref, useRef } from "react";
import type { SensorModels } from "@/api/models";
import type { ModelSummary } from "@/api/types";
import { TimeAgo } from "@/components/TimeAgo";
import { useMessages } from "@/i18n";
import { useFormat } from "@/lib/use-format";
import { usePlace } from "@/lib/use-width";
import { StandingBadge } from "./StandingBadge";

const WIDE = "max-lg:hidden";
const MIDDLE = "max-md:hidden";
const LINE_PX = 57;
/** Up to so many are in the document whole: printed and found by the browser's own search. */
const ALL_AT_ONCE = 150;

export function ModelsTable({ sensors }: { sensors: readonly SensorModels[] }) {
  const t = useMessages();
  const body = useRef<HTMLTableSectionElement>(null);
  const place = usePlace(body);
  const lines = useWindowVirtualizer({
    count: place ? sensors.length : 0,
    estimateSize: () => LINE_PX,
    getItemKey: (index) => sensors[index]?.sensor_id ?? index,
    overscan: sensors.length > ALL_AT_ONCE ? 8 : sensors.length,
    scrollMargin: place?.top ?? 0,
  });
  const shown = lines.getVirtualItems();
  const { scrollMargin } = lines.options;
  return (
    <div className="panel">
      <table aria-rowcount={sensors.length + 1} className="w-full table-fixed text-sm">
        <caption className="sr-only">{t.models.title}</caption>
        <thead className="border-b border-line text-left text-xs text-faint">
          <tr aria-rowindex={1}>
            <Heading label={t.models.sensor} />
            <Heading label={t.models.state} className="w-32 max-sm:w-28" />
            <Heading label={t.models.model} className={`w-28 ${MIDDLE}`} />
            <Heading label={t.models.age} className={`w-32 ${MIDDLE}`} />
            <Heading label={t.models.threshold} className={`w-24 text-right ${MIDDLE}`} />
            <Heading label={t.models.baseline} className={`w-64 ${WIDE}`} />
            <Heading label={t.models.heldOut} title={t.models.heldOutHint} className={`w-24 text-right ${WIDE}`} />
            <Heading label={t.models.faults} title={t.models.faultsHint} className={`w-28 text-right ${WIDE}`} />
          </tr>
        </thead>
        <tbody ref={body}>
          <Space height={(shown[0]?.start ?? scrollMargin) - scrollMargin} />
          {shown.map(({ index, key }) => {
            const sensor = sensors[index];
            return sensor && <Row key={key} sensor={sensor} index={index} measure={lines.measureElement} />;
          })}
          <Space height={lines.getTotalSize() - ((shown.at(-1)?.end ?? scrollMargin) - scrollMargin)} />
        </tbody>
      </table>
    </div>
  );
}

function Space({ height }: { height: number }) {
  return height > 0 ? <tr aria-hidden style={{ height }} /> : null;
}

function Heading({ label, title, className = "" }: { label: string; title?: string; className?: string }) {
  return (
    <th scope="col" title={title} className={`px-3 py-2 font-medium ${className}`}>
      {label}
    </th>
  );
}

interface RowProps {
  sensor: SensorModels;
  index: number;
  measure: Ref<HTMLTableRowElement>;
}

const Row = memo(function Row({ sensor, index, measure }: RowProps) {
  const t = useMessages();
  const format = useFormat();
  const model = sensor.running ?? sensor.wanted;
  return (
    <tr ref={measure} data-index={index} aria-rowindex={index + 2} data-sensor={sensor.sensor_id} className="relative border-b border-line align-top last:border-0 hover:bg-raised">
      <td className="px-3 py-2">
        <Title sensor={sensor} digest={model?.digest} />
        <span className="block truncate text-xs text-faint">{[sensor.sensor_name, sensor.site_name].join(" · ")}</span>
        {model && (
          <span className="block text-xs text-faint md:hidden">
            {t.models.version(format.number(model.version))} · <TimeAgo us={model.created_us} />
          </span>
        )}
        <Notice sensor={sensor} />
      </td>
      <td className="px-3 py-2">
        <StandingBadge standing={sensor.standing} />
      </td>
      <td className={`px-3 py-2 ${MIDDLE}`}>{model ? t.models.version(format.number(model.version)) : <Learning sensor={sensor} />}</td>
      <td className={`px-3 py-2 text-soft ${MIDDLE}`}>{model && <TimeAgo us={model.created_us} />}</td>
      <td className={`px-3 py-2 text-right tabular-nums ${MIDDLE}`}>{model && format.number(model.threshold.value, 3)}</td>
      <td className={`px-3 py-2 text-soft ${WIDE}`}>{model && <Baseline baseline={model.baseline} />}</td>
      <td className={`px-3 py-2 text-right text-soft ${WIDE}`}>{model && heldOut(model, (share) => format.withUnit(100 * share, 1, t.unit.percent))}</td>
      <td className={`px-3 py-2 text-right text-soft ${WIDE}`}>{model && <Heard model={model} />}</td>
    </tr>
  );
});

/** The whole line leads to the model, or to the machine where there is none. */
function Title({ sensor, digest }: { sensor: SensorModels; digest: string | undefined }): ReactNode {
  const className = "block truncate font-semibold after:absolute after:inset-0";
  if (digest === undefined) {
    return (
      <Link to="/machines/$machineId" params={{ machineId: sensor.machine_id }} search={{ sensor: sensor.sensor_id }} hash="model" className={className} title={sensor.machine_name}>
        {sensor.machine_name}
      </Link>
    );
  }
  return (
    <Link to="/models/$digest" params={{ digest }} className={className} title={sensor.machine_name}>
      {sensor.machine_name}
    </Link>
  );
}

function Notice({ sensor }: { sensor: SensorModels }) {
  const t = useMessages();
  const format = useFormat();
  const { refused, wanted, standing } = sensor;
  if (standing === "refused" && refused) {
    const why = refused.reason ?? "";
    return (
      <span className="mt-0.5 block text-xs text-fault [overflow-wrap:anywhere]">
        {refused.version === null ? t.models.refusedUnknown(why) : t.models.refusedVersion(format.number(refused.version), why)}
      </span>
    );
  }
  if (standing === "offered" && wanted) return <span className="mt-0.5 block text-xs text-warning">{t.models.wants(format.number(wanted.version))}</span>;
  if (sensor.training_error) return <span className="mt-0.5 block text-xs text-warning [overflow-wrap:anywhere]">{t.train.failed(sensor.training_error)}</span>;
  return null;
}

function Learning({ sensor }: { sensor: SensorModels }) {
  const t = useMessages();
  const format = useFormat();
  if (sensor.standing !== "learning") return <span className="text-faint">{t.models.elsewhere}</span>;
  return <span className="text-faint">{t.models.learnt(format.number(sensor.learning_windows), format.number(sensor.baseline_windows))}</span>;
}

function Baseline({ baseline }: { baseline: ModelSummary["baseline"] }) {
  const t = useMessages();
  const format = useFormat();
  return (
    <>
      {t.model.trainedValue(format.number(baseline.windows))}
      <span className="block text-xs text-faint">{format.span(baseline.from_us, baseline.to_us)}</span>
    </>
  );
}

function Heard({ model }: { model: ModelSummary }) {
  const t = useMessages();
  const format = useFormat();
  const kinds = Object.values(model.heard_from_db ?? {});
  if (kinds.length === 0) return <span className="text-faint">–</span>;
  return t.models.ofKinds(format.number(kinds.filter((level) => level !== null).length), format.number(kinds.length));
}

function heldOut(model: ModelSummary, write: (share: number) => string): string {
  const share = model.evaluation.held_out_share_above;
  return share === undefined ? "–" : write(share);
}
