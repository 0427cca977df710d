// What is kept for how long, and how careful alarms are: for the whole collector.
import { useQuery } from "@tanstack/react-query";
import { policiesQuery } from "@/api/policies";
import { ErrorState } from "@/components/ErrorState";
import { SkeletonPanels } from "@/components/Skeleton";
import { useMessages } from "@/i18n";
import { PolicyItem } from "./PolicyItem";

export function PolicySettings() {
  const t = useMessages();
  const policies = useQuery(policiesQuery);
  return (
    <section aria-label={t.settings.section.policies} className="flex max-w-4xl flex-col gap-3">
      <div>
        <h2 className="font-semibold">{t.settings.section.policies}</h2>
        <p className="mt-1 max-w-prose text-sm text-soft">{t.policies.lead}</p>
      </div>
      {policies.isPending && <SkeletonPanels count={3} className="h-24" />}
      {policies.isError && !policies.data && <ErrorState error={policies.error} onRetry={() => void policies.refetch()} />}
      {policies.data && (
        <div className="panel divide-y divide-line">
          {policies.data.map((policy) => (
            <PolicyItem key={policy.setting} policy={policy} />
          ))}
        </div>
      )}
    </section>
  );
}
