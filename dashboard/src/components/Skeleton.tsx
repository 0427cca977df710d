// A quiet placeholder of the size of what is being loaded.
import { useMessages } from "@/i18n";

export function Skeleton({ className }: { className: string }) {
  return <div aria-hidden className={`skeleton ${className}`} />;
}

/** Several panels loading, announced once. */
export function SkeletonPanels({ count, className }: { count: number; className: string }) {
  const t = useMessages();
  return (
    <>
      <span role="status" className="sr-only">
        {t.loading}
      </span>
      {Array.from({ length: count }, (_, index) => (
        <div key={index} className="panel p-4">
          <Skeleton className="mb-3 h-4 w-2/5" />
          <Skeleton className={`w-full ${className}`} />
        </div>
      ))}
    </>
  );
}
