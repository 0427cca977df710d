// Who listened to sound and who switched it: a few entries of the collector's log, the newest first.
import { useQuery } from "@tanstack/react-query";
import { auditQuery, type AuditEntry } from "@/api/clips";
import { useMay } from "@/api/session";
import { ErrorState } from "@/components/ErrorState";
import { useMessages } from "@/i18n";
import { useFormat } from "@/lib/use-format";

interface SoundLogProps {
  of: { clip: string } | { sensor: string };
  empty: string;
}

export function SoundLog(props: SoundLogProps) {
  const t = useMessages();
  if (!useMay("operator")) return <p className="text-xs text-faint">{t.auth.needs.operator}</p>;
  return <Entries {...props} />;
}

function Entries({ of, empty }: SoundLogProps) {
  const log = useQuery(auditQuery(of));
  if (log.isError && !log.data) return <ErrorState error={log.error} onRetry={() => void log.refetch()} />;
  if (log.data?.items.length === 0) return <p className="text-xs text-faint">{empty}</p>;
  return (
    <ul className="flex flex-col gap-0.5 text-xs text-soft">
      {log.data?.items.map((entry) => (
        <Entry key={entry.id} entry={entry} />
      ))}
    </ul>
  );
}

function Entry({ entry }: { entry: AuditEntry }) {
  const t = useMessages();
  const format = useFormat();
  const actor = entry.actor === "unknown" ? t.clips.unknown : entry.actor;
  return (
    <li data-audit={entry.action} className="[overflow-wrap:anywhere]">
      {format.dateTime(entry.at_us)}: {actor}
      {entry.address && ` (${entry.address})`} {t.clips.action[entry.action]}
    </li>
  );
}
