// Proves on request that nobody changed the log: the collector computes its chain of digests again.
import { useVerifyLog } from "@/api/administration";
import type { components } from "@/api/schema";
import { Copy } from "@/components/Copy";
import { useMessages } from "@/i18n";
import { useFormat } from "@/lib/use-format";
import { FormError, text } from "@/components/Fields";

type Fault = components["schemas"]["LogFault"];

/** Links and entries are numbered, as the log shows them: without separators. */
function placeOf({ link, entry }: Fault) {
  return { link: String(link ?? ""), entry: String(entry ?? "") };
}

export function LogCheck() {
  const words = useMessages().settings.audit;
  const format = useFormat();
  const check = useVerifyLog();
  const found = check.data;
  return (
    <form
      aria-label={words.check}
      className="panel flex flex-col gap-2 p-4 text-sm"
      onSubmit={(event) => {
        event.preventDefault();
        check.mutate(text(new FormData(event.currentTarget), "mark").trim() || undefined);
      }}
    >
      <div className="flex flex-wrap items-end gap-2">
        <label className="flex min-w-0 flex-1 basis-60 flex-col gap-1">
          <span className="text-soft">{words.mark}</span>
          <input name="mark" className="field w-full font-mono" autoComplete="off" spellCheck={false} pattern="\s*[0-9]{1,18}:[0-9a-f]{64}\s*" title={words.markShape} />
        </label>
        <button type="submit" className="button" disabled={check.isPending}>
          {check.isPending ? words.checking : words.check}
        </button>
      </div>
      <FormError error={check.error} />
      {found?.faults.length === 0 && (
        <p role="status" className="font-medium">
          <span aria-hidden>✓ </span>
          {words.whole(format.number(found.entries))}
        </p>
      )}
      {found && found.faults.length > 0 && (
        <div role="alert" className="text-alarm">
          <p className="font-medium">{words.broken}</p>
          <ul className="list-disc pl-5">
            {found.faults.slice(0, 5).map((fault) => (
              <li key={`${fault.kind} ${fault.link} ${fault.entry}`}>{words.faults[fault.kind](placeOf(fault))}</li>
            ))}
          </ul>
        </div>
      )}
      {found?.mark && (
        <div className="text-xs text-faint">
          <p>{words.keep}</p>
          <p className="flex items-center gap-1">
            <code className="min-w-0 font-mono [overflow-wrap:anywhere]">{found.mark}</code>
            <Copy text={found.mark} label={words.copyMark} />
          </p>
        </div>
      )}
    </form>
  );
}
