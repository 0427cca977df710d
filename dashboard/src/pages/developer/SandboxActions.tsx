// Buttons of the sandbox, and what the last one said.
import { SANDBOX_ACTIONS, useSandboxAction, type SandboxAction } from "@/api/developer";
import { explain } from "@/components/ErrorState";
import { useMessages } from "@/i18n";
import type { Messages } from "@/i18n/en";

function hint(action: SandboxAction, t: Messages): string {
  return t.developer[`${action}Hint`];
}

export function SandboxActions() {
  const t = useMessages();
  const run = useSandboxAction();
  const name = run.variables ? t.developer[run.variables] : "";
  return (
    <section className="panel flex flex-wrap items-center gap-2 p-3" aria-label={t.developer.actions}>
      {SANDBOX_ACTIONS.map((action) => (
        <button
          key={action}
          type="button"
          title={run.isPending ? t.developer.running(name) : hint(action, t)}
          disabled={run.isPending}
          className={`button ${action === "clear" ? "button-danger" : ""}`}
          onClick={() => run.mutate(action)}
        >
          {t.developer[action]}
        </button>
      ))}
      <p role="status" data-testid="sandbox-message" className="min-w-0 basis-full text-sm text-soft [overflow-wrap:anywhere] sm:basis-auto sm:pl-2">
        {run.isPending && t.developer.running(name)}
        {run.isSuccess && [run.data.message, run.data.note].filter(Boolean).join(" · ")}
        {run.isError && <span className="text-alarm">{t.developer.failed(name, explain(run.error, t))}</span>}
      </p>
    </section>
  );
}
