// One machine of the fleet: state, score against threshold, last hour, last heard.
import { Link } from "@tanstack/react-router";
import { memo } from "react";
import type { MachineCard as Machine, Reason } from "@/api/types";
import { SensorHealth, worstHealth } from "@/components/SensorHealth";
import { Tags } from "@/components/Tags";
import { StatusBadge } from "@/components/StatusBadge";
import { TimeAgo } from "@/components/TimeAgo";
import { useMessages } from "@/i18n";
import { reasonWords } from "@/lib/reason-words";
import { TONE, type Tone } from "@/lib/status";
import { useFormat } from "@/lib/use-format";
import { CardFigure } from "./CardFigure";
import { LastHour } from "./LastHour";
import { speaker } from "./speaker";

const EDGE: Record<Tone, string> = {
  quiet: "border-l-line",
  warning: "border-l-warning",
  alarm: "border-l-alarm",
  fault: "border-l-fault",
};

interface Props {
  machine: Machine;
  /** Which of how many, from 1: most of them are not in the document. */
  place: number;
  of: number;
}

export const MachineCard = memo(function MachineCard({ machine, place, of }: Props) {
  const t = useMessages();
  const sensor = speaker(machine);
  const learning = sensor?.learning;
  const health = worstHealth(machine.sensors);
  return (
    <div role="listitem" aria-posinset={place} aria-setsize={of} className="min-w-0">
      <Link
        to="/machines/$machineId"
        params={{ machineId: machine.id }}
        data-machine={machine.name}
        className={`panel flex h-full flex-col gap-2.5 border-l-[3px] p-3.5 hover:border-line-strong ${EDGE[TONE[machine.status]]}`}
      >
        <div className="flex items-start justify-between gap-3">
          <h2 className="min-w-0 truncate font-semibold" title={machine.name}>
            {machine.name}
          </h2>
          <StatusBadge state={machine.status} progress={learning ? learning.windows / learning.needed : undefined} />
        </div>
        <p className="-mt-2 flex h-5 items-center gap-2 text-xs text-faint">
          <span className="truncate">
            {machine.site.name}
            {machine.sensors.length > 1 && ` · ${t.fleet.sensors(machine.sensors.length)}`}
          </span>
          <Tags tags={machine.tags} />
        </p>
        {sensor && <CardFigure sensor={sensor} />}
        {sensor && <LastHour sensor={sensor} />}
        {health && (
          <p className="flex text-xs">
            <SensorHealth health={health} />
          </p>
        )}
        {sensor?.reasons?.[0] && <MainReason reason={sensor.reasons[0]} />}
        <div className="mt-auto flex items-center justify-between gap-2 text-xs text-faint">
          <span>{machine.last_heard_us === null ? t.fleet.never : <TimeAgo us={machine.last_heard_us}>{t.fleet.heard}</TimeAgo>}</span>
          {machine.open_events > 0 && <span className="font-medium text-alarm">{t.fleet.events(machine.open_events)}</span>}
        </div>
      </Link>
    </div>
  );
});

function MainReason({ reason }: { reason: Reason }) {
  const t = useMessages();
  const { what, change } = reasonWords(reason, t, useFormat().locale);
  return (
    <p data-reason={reason.key} className="truncate text-xs">
      <span className="text-soft">{what}</span> <span className="font-semibold">{change}</span>
    </p>
  );
}
