// What can be done: train, push this model, go back to the one before; what was pushed can be undone by one button.
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { ModelDetail } from "@/api/models";
import { usePush } from "@/api/mutations";
import { useMay } from "@/api/session";
import type { ModelSummary } from "@/api/types";
import { Ask } from "@/components/Ask";
import { explain } from "@/components/ErrorState";
import { TrainForm } from "@/components/model/TrainForm";
import { NeedsRole } from "@/components/NeedsRole";
import { Section } from "@/components/Section";
import { useMessages } from "@/i18n";
import { useFormat } from "@/lib/use-format";
import { originOf, sensorWords, wantedOf } from "./model-words";

interface Named {
  digest: string;
  version: number;
}

interface Props {
  model: ModelDetail;
  others: readonly ModelSummary[];
}

export function ModelActions({ model, others }: Props) {
  const t = useMessages();
  const format = useFormat();
  const push = usePush();
  const may = useMay("operator");
  const [asked, setAsked] = useState<Named | null>(null);
  /** What was pushed last, and what was wanted before. */
  const [done, setDone] = useState<{ pushed: Named; before: Named | undefined } | null>(null);
  const wanted = wantedOf(others);
  const sensor = sensorWords(model.place, t);
  const send = (chosen: Named) => {
    setAsked(null);
    setDone(null);
    push.mutate(chosen.digest, { onSuccess: () => setDone({ pushed: chosen, before: wanted }) });
  };
  const { back_to: back } = model;
  // Its content, whatever version it stands under.
  const isWanted = wanted !== undefined && originOf(wanted) === originOf(model);
  const isBack = back?.digest === model.digest;
  const text = (each: Named) => (each === back ? t.models.goBack : t.models.pushTo)(format.number(each.version), sensor);
  const offered: readonly Named[] = [...(back ? [back] : []), ...(isWanted || isBack ? [] : [{ digest: model.digest, version: model.version }])];
  if (!may) return null;
  return (
    <Section id="model-actions" title={t.models.actions}>
      {offered.length > 0 && <NeedsRole role="administrator" instead="reason" beside="">
        <div className="mb-3 flex flex-wrap gap-2">
          {offered.map((each) => (
            <button key={each.digest} type="button" className="button h-auto min-h-9 py-1 whitespace-normal" disabled={push.isPending} onClick={() => setAsked(each)}>
              {text(each)}
            </button>
          ))}
        </div>
      </NeedsRole>}
      {asked && (
        <div className="mt-3">
          <Ask label={text(asked)} yes={t.models.yes} onYes={() => send(asked)} onNo={() => setAsked(null)}>
            <p>{t.models.ask(format.number(asked.version), sensor)}</p>
          </Ask>
        </div>
      )}
      <div role="status" className="text-sm text-soft">
        {push.isError && <p className="mt-2 text-alarm">{explain(push.error, t)}</p>}
        {done && push.data && (
          <div className="mt-2 flex flex-wrap items-center gap-x-3 gap-y-2" data-pushed={push.data.version}>
            <span>{t.models.pushed(format.number(done.pushed.version), format.number(push.data.version), sensor)}</span>
            <Link to="/models/$digest" params={{ digest: push.data.digest }} className="inline-flex min-h-6 items-center underline underline-offset-2">
              {t.models.seePushed(format.number(push.data.version))}
            </Link>
            {done.before && <Undo before={done.before} onUndo={send} />}
          </div>
        )}
      </div>
      <div className="mt-1">
        <TrainForm sensorId={model.sensor_id} budget={model.false_alarms_per_week} />
      </div>
    </Section>
  );
}

function Undo({ before, onUndo }: { before: Named; onUndo: (model: Named) => void }) {
  const t = useMessages();
  const format = useFormat();
  return (
    <button type="button" className="button" onClick={() => onUndo(before)}>
      {t.models.undo(format.number(before.version))}
    </button>
  );
}
