// Recordings on their way: how far each is, what it gave, or what went wrong and what to do.
import { Link } from "@tanstack/react-router";
import { useSyncExternalStore } from "react";
import { ApiError } from "@/api/client";
import { explain } from "@/components/ErrorState";
import { useMessages } from "@/i18n";
import type { Messages } from "@/i18n/en";
import { UndecodableError } from "@/lib/browser-decoder";
import { useFormat } from "@/lib/use-format";
import { type Job, recordingQueue } from "./queue";
import { VerdictWord } from "./VerdictWord";

const MEGA = 1e6;

export function RecordingJobs() {
  const t = useMessages();
  const jobs = useSyncExternalStore(recordingQueue.subscribe, recordingQueue.snapshot);
  if (jobs.length === 0) return null;
  return (
    <section aria-label={t.analyse.queue} className="panel p-4">
      <h2 className="mb-2 font-semibold">{t.analyse.queue}</h2>
      <ul className="flex flex-col divide-y divide-line">
        {jobs.map((job) => (
          <Row key={job.key} job={job} />
        ))}
      </ul>
    </section>
  );
}

function whatWentWrong(error: unknown, t: Messages): string {
  return error instanceof UndecodableError ? t.analyse.undecodable(error.container) : explain(error, t);
}

/** The collector's own words, in English: they have the figures. */
function exactly(error: unknown): string | null {
  return error instanceof ApiError && error.kind.startsWith("audio_") ? error.message : null;
}

function Row({ job }: { job: Job }) {
  const t = useMessages();
  const format = useFormat();
  const { key, file, step, share, analysis, error } = job;
  const busy = step === "decoding" || step === "sending" || step === "working";
  return (
    <li data-job={step} className="flex flex-wrap items-center gap-x-3 gap-y-1 py-2">
      <span className="min-w-0 flex-1 basis-48 [overflow-wrap:anywhere]">
        {analysis ? (
          <Link to="/analyse/$analysisId" params={{ analysisId: analysis.id }} className="font-medium underline decoration-line-strong underline-offset-4">
            {file.name}
          </Link>
        ) : (
          <span className="font-medium">{file.name}</span>
        )}{" "}
        <span className="text-sm text-faint">{format.withUnit(file.size / MEGA, 1, "MB")}</span>
      </span>
      <span role="status" className="text-sm text-soft">
        {step === "done" ? null : step === "sending" ? t.analyse.sending(format.percent(share)) : t.analyse.step[step]}
      </span>
      {analysis && <VerdictWord windows={analysis.start_s.length} anomalous={analysis.anomalous ? analysis.anomalous.filter(Boolean).length : null} />}
      {busy && <progress className="h-2 w-32 accent-accent" aria-label={file.name} max={1} {...(step === "sending" ? { value: share } : {})} />}
      {step === "failed" && (
        <button type="button" className="button" onClick={() => recordingQueue.retry(key)}>
          {t.error.retry}
        </button>
      )}
      <button type="button" className="button" aria-label={t.analyse.removeNamed(step === "done" ? t.analyse.hide : t.analyse.cancel, file.name)} onClick={() => recordingQueue.remove(key)}>
        {step === "done" ? t.analyse.hide : t.analyse.cancel}
      </button>
      {step === "failed" && (
        <p role="alert" className="basis-full text-sm text-alarm [overflow-wrap:anywhere]">
          {whatWentWrong(error, t)}
          {exactly(error) !== null && (
            <span lang="en" className="block text-xs text-faint">
              {exactly(error)}
            </span>
          )}
        </p>
      )}
    </li>
  );
}
