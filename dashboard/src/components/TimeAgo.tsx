// "4 s ago", by the collector's clock, counting by itself.
import { useServerNowUs } from "@/lib/clock";
import { useFormat } from "@/lib/use-format";

export function TimeAgo({ us, children }: { us: number; children?: (ago: string) => string }) {
  const format = useFormat();
  const ago = format.ago(us, useServerNowUs());
  return (
    <time dateTime={new Date(us / 1000).toISOString()} title={format.dateTime(us)}>
      {children ? children(ago) : ago}
    </time>
  );
}
