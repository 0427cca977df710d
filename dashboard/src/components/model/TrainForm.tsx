// "Train now": a small form, then the job until it ends.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useTrain } from "@/api/mutations";
import { isFinished, jobQuery, keys } from "@/api/queries";
import { explain } from "@/components/ErrorState";
import { NeedsRole } from "@/components/NeedsRole";
import { useMessages } from "@/i18n";
import { useFormat } from "@/lib/use-format";
import { JobBar } from "./JobBar";

function numberIn(form: FormData, name: string): number | undefined {
  const text = form.get(name);
  return typeof text === "string" && text.trim() !== "" ? Number(text) : undefined;
}

export function TrainForm({ sensorId, budget }: { sensorId: string; budget: number }) {
  const t = useMessages();
  const format = useFormat();
  const train = useTrain();
  const [open, setOpen] = useState(false);
  if (!open) {
    return (
      <div>
        <NeedsRole role="operator">
          <button type="button" className="button" onClick={() => setOpen(true)} disabled={train.isPending}>
            {t.train.open}
          </button>
        </NeedsRole>
        {train.isPending && <p role="status" className="mt-2 text-sm text-soft">{t.train.waiting}</p>}
        {train.isError && <p role="alert" className="mt-2 text-sm text-alarm">{t.train.failed(explain(train.error, t))}</p>}
        {train.isSuccess && <JobState jobId={train.data.job_id} />}
      </div>
    );
  }
  return (
    <form
      className="flex flex-col gap-3 rounded-md border border-line bg-raised p-3"
      onSubmit={(event) => {
        event.preventDefault();
        const form = new FormData(event.currentTarget);
        setOpen(false);
        train.mutate({
          sensorId,
          windows: numberIn(form, "windows"),
          budget: numberIn(form, "budget"),
          percentile: numberIn(form, "percentile"),
          acceptDrift: form.get("accept_drift") !== null,
        });
      }}
    >
      <Field name="windows" label={t.train.windows} hint={t.train.windowsHint} min={2} max={1_000_000} step={1} autoFocus />
      <Field name="budget" label={t.train.budget} hint={t.train.budgetHint(format.number(budget))} min={0.01} max={10_000} step="any" />
      <Field name="percentile" label={t.train.percentile} hint={t.train.percentileHint} min={50} max={100} step="any" />
      <label className="flex items-center gap-2 text-sm">
        <input type="checkbox" name="accept_drift" className="size-4" />
        {t.train.acceptDrift}
      </label>
      <div className="flex flex-wrap gap-2">
        <button type="submit" className="button button-primary">
          {t.train.start}
        </button>
        <button type="button" className="button" onClick={() => setOpen(false)}>
          {t.train.cancel}
        </button>
      </div>
    </form>
  );
}

interface FieldProps {
  name: string;
  label: string;
  hint: string;
  min: number;
  max: number;
  step: number | "any";
  autoFocus?: boolean;
}

function Field({ label, hint, ...input }: FieldProps) {
  return (
    <label className="flex flex-col gap-1 text-sm">
      <span>
        {label} <span className="label">({hint})</span>
      </span>
      <input type="number" inputMode="decimal" className="field" {...input} />
    </label>
  );
}

/** A training that was asked for, until it ends. */
export function JobState({ jobId }: { jobId: number }) {
  const t = useMessages();
  const cache = useQueryClient();
  const job = useQuery(jobQuery(jobId));
  const finished = isFinished(job.data?.status);
  useEffect(() => {
    if (!finished) return;
    void cache.invalidateQueries({ queryKey: keys.machines });
    void cache.invalidateQueries({ queryKey: keys.models });
  }, [finished, cache]);
  if (job.isError) return <p role="alert" className="mt-2 text-sm text-alarm">{explain(job.error, t)}</p>;
  if (!finished) {
    return (
      <div className="mt-2">
        <p role="status" className="text-sm text-soft">{t.train.waiting}</p>
        {job.data && <JobBar job={job.data} label={t.train.waiting} />}
      </div>
    );
  }
  const failed = job.data?.status !== "succeeded" || job.data.error;
  return (
    <p role="status" data-job={job.data?.status} className={`mt-2 text-sm ${failed ? "text-alarm" : "text-soft"}`}>
      {failed ? t.train.failed(job.data?.error ?? job.data?.status ?? "") : t.train.done}
    </p>
  );
}
