// One policy: its value, who chose it, and what a shorter time would delete before it does.
import { useId, useRef } from "react";
import { type Loss, type Policy, useChangePolicy, useRefreshPolicies } from "@/api/policies";
import { Problem } from "@/components/Problem";
import { useMessages } from "@/i18n";
import { useFormat } from "@/lib/use-format";
import { Ask } from "@/components/Ask";

const MB = 1e6;

export function PolicyItem({ policy }: { policy: Policy }) {
  const t = useMessages();
  const words = t.policies;
  const format = useFormat();
  const change = useChangePolicy(policy.setting);
  const refresh = useRefreshPolicies();
  const input = useRef<HTMLInputElement>(null);
  const hint = useId();
  const field = useId();
  const name = words.names[policy.setting];
  const locked = policy.origin === "environment";
  const text = (value: number) => `${format.exact(value)} ${words.units[policy.unit]}`;
  const asked = change.variables;
  const unsettled = change.data;
  const set = (value: number | null) => change.mutate({ value, acceptLoss: false, overUs: policy.set_us });
  return (
    <form
      aria-label={name}
      className="flex flex-col gap-2 px-4 py-3 text-sm"
      data-policy={policy.setting}
      onSubmit={(event) => {
        event.preventDefault();
        set(Number(input.current?.value));
      }}
    >
      <div className="grid gap-x-6 gap-y-2 sm:grid-cols-[minmax(0,1fr)_auto]">
        <div className="flex min-w-0 flex-col gap-0.5">
          <label htmlFor={field} className="font-medium">
            {name}
          </label>
          <p id={hint} className="max-w-prose text-xs text-faint">
            {words.hints[policy.setting]} {words.range(format.exact(policy.minimum), text(policy.maximum))}
          </p>
          <p className="max-w-prose text-xs break-words text-soft" data-origin={policy.origin}>
            {locked
              ? words.environment(`${policy.variable}=${policy.value}`)
              : policy.origin === "set" && policy.set_by !== null && policy.set_us !== null
                ? words.setBy(policy.set_by, format.dateTime(policy.set_us))
                : words.isDefault}
          </p>
        </div>
        <div className="flex flex-wrap content-start items-center gap-2 sm:w-84">
          <input
            key={`${policy.value} ${policy.set_us}`}
            id={field}
            ref={input}
            type="number"
            required
            disabled={locked}
            min={policy.minimum}
            max={policy.maximum}
            step={policy.whole ? 1 : "any"}
            defaultValue={policy.value}
            aria-describedby={hint}
            className="field w-28"
          />
          <span className="sm:min-w-16">{words.units[policy.unit]}</span>
          {!locked && (
            <button type="submit" className="button" disabled={change.isPending}>
              {words.save}
            </button>
          )}
          {policy.origin === "set" && (
            <button type="button" className="button" disabled={change.isPending} onClick={() => set(null)}>
              {words.toDefault(text(policy.default))}
            </button>
          )}
        </div>
      </div>
      {unsettled && asked && "theirs" in unsettled && (
        <Ask
          key={unsettled.theirs.set_us}
          label={name}
          yes={words.changed.mine(text(asked.value ?? policy.default))}
          onYes={() => change.mutate({ ...asked, acceptLoss: false, overUs: unsettled.theirs.set_us })}
          no={words.changed.theirs(text(unsettled.theirs.value))}
          onNo={() => {
            change.reset();
            refresh();
          }}
        >
          <p>{changedText(unsettled.theirs)}</p>
        </Ask>
      )}
      {unsettled && asked && "loss" in unsettled && (
        <Ask label={name} yes={words.yes} onYes={() => change.mutate({ ...asked, acceptLoss: true })} onNo={() => change.reset()}>
          <p>{words.ask(text(asked.value ?? policy.default))}</p>
          <p className="font-medium">{lossText(unsettled.loss)}</p>
        </Ask>
      )}
      <Problem error={change.error} />
    </form>
  );

  function changedText({ value, set_by: who, set_us: when }: Policy): string {
    return who !== null && when !== null ? words.changed.set(who, format.dateTime(when), text(value)) : words.changed.reset(text(value));
  }

  function lossText(loss: Loss): string {
    const rows = `${format.number(loss.rows)} ${words.rows[policy.setting] ?? ""}`;
    return words.losses(rows, format.number(loss.days, 1), format.withUnit(loss.bytes / MB, 1, "MB"));
  }
}
