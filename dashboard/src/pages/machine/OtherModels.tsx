// Earlier and offered models of a sensor; one can be pushed again.
import { useState } from "react";
import { usePush } from "@/api/mutations";
import type { ModelSummary } from "@/api/types";
import { explain } from "@/components/ErrorState";
import { NeedsRole } from "@/components/NeedsRole";
import { useMessages } from "@/i18n";
import { shortDigest } from "@/lib/digest";
import { useFormat } from "@/lib/use-format";

export function OtherModels({ models }: { models: readonly ModelSummary[] }) {
  const t = useMessages();
  const format = useFormat();
  const push = usePush();
  const [asked, setAsked] = useState<ModelSummary | null>(null);
  const confirm = (model: ModelSummary) => {
    setAsked(null);
    push.mutate(model.digest);
  };
  return (
    <div className="mt-4 border-t border-line pt-3">
      <h3 className="mb-2 text-sm font-semibold">{t.model.others}</h3>
      <ul className="flex flex-col gap-2 text-sm">
        {models.toSorted((a, b) => b.version - a.version).map((model) => (
          <li key={model.digest} className="flex items-center justify-between gap-2">
            <span className="min-w-0">
              {t.model.version(format.number(model.version))}
              <span className="text-faint"> · {t.model.state[model.state]}</span>
              <span className="block text-xs text-faint" title={model.refused_reason ?? undefined}>
                <code className="font-mono">{shortDigest(model.digest)}</code> · {format.dateTime(model.created_us)}
              </span>
              {model.refused_reason && <span className="block text-xs text-fault">{t.model.refused(model.refused_reason)}</span>}
            </span>
            <NeedsRole role="administrator" compact>
              <button type="button" className="button shrink-0" disabled={push.isPending} onClick={() => setAsked(model)}>
                {t.model.push}
              </button>
            </NeedsRole>
          </li>
        ))}
      </ul>
      {asked && (
        <div role="group" aria-label={t.model.push} className="mt-3 rounded-md border border-line bg-raised p-3 text-sm">
          <p className="mb-2">{t.model.pushAsk(format.number(asked.version))}</p>
          <div className="flex gap-2">
            <button type="button" autoFocus className="button button-primary" onClick={() => confirm(asked)}>
              {t.model.pushYes}
            </button>
            <button type="button" className="button" onClick={() => setAsked(null)}>
              {t.model.cancel}
            </button>
          </div>
        </div>
      )}
      <p role="status" className="mt-2 text-sm text-soft">
        {push.isSuccess && t.model.pushed(format.number(push.data.version))}
        {push.isError && <span className="text-alarm">{explain(push.error, t)}</span>}
      </p>
    </div>
  );
}
