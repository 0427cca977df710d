// What is at work, or was, for a sensor's models.
import { useQuery } from "@tanstack/react-query";
import { type Job, sensorJobsQuery } from "@/api/models";
import { ErrorState } from "@/components/ErrorState";
import { JobBar } from "@/components/model/JobBar";
import { Section } from "@/components/Section";
import { TimeAgo } from "@/components/TimeAgo";
import { useMessages } from "@/i18n";

export function Jobs({ sensorId }: { sensorId: string }) {
  const t = useMessages();
  const jobs = useQuery(sensorJobsQuery(sensorId));
  return (
    <Section id="model-jobs" title={t.models.jobs}>
      {jobs.isError && !jobs.data && <ErrorState error={jobs.error} onRetry={() => void jobs.refetch()} />}
      {jobs.data?.length === 0 && <p className="text-sm text-faint">{t.models.noJobs}</p>}
      <ul className="flex flex-col gap-2 text-sm">
        {jobs.data?.map((job) => <Line key={job.id} job={job} />)}
      </ul>
    </Section>
  );
}

function Line({ job }: { job: Job }) {
  const t = useMessages();
  const kind = t.models.kinds[job.kind] ?? job.kind;
  const at = job.finished_us ?? job.started_us ?? job.queued_us;
  return (
    <li data-job-kind={job.kind} data-job-state={job.state}>
      <span className="flex items-baseline justify-between gap-3">
        <span>
          {kind}
          <span className={job.state === "failed" ? "text-alarm" : "text-faint"}> · {t.models.jobState[job.state]}</span>
          {job.attempts > 1 && <span className="text-faint"> · {t.models.attempts(job.attempts)}</span>}
        </span>
        <span className="shrink-0 text-xs text-faint">{at !== null && <TimeAgo us={at} />}</span>
      </span>
      {job.state === "running" && <JobBar job={job} label={kind} />}
      {job.error && <span className="block text-xs text-alarm [overflow-wrap:anywhere]">{job.error}</span>}
    </li>
  );
}
