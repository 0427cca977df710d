// How far a job has come.
import { useMessages } from "@/i18n";
import { useFormat } from "@/lib/use-format";

interface Props {
  job: { progress: number; step?: string | null };
  label: string;
}

export function JobBar({ job, label }: Props) {
  const t = useMessages();
  const format = useFormat();
  const share = format.percent(job.progress);
  const step = job.step ? (t.models.steps[job.step] ?? job.step) : "";
  return (
    <div className="flex items-center gap-2 text-xs text-faint">
      <div role="progressbar" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(100 * job.progress)} className="h-1.5 min-w-16 flex-1 overflow-hidden rounded-full bg-line">
        <div className="h-full rounded-full bg-accent" style={{ width: `${(100 * job.progress).toFixed(1)}%` }} />
      </div>
      <span>{step ? `${share}, ${step}` : share}</span>
    </div>
  );
}
