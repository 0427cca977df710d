// One step: its number, whether it is done, and what is to be done.
import type { ReactNode } from "react";
import { useMessages } from "@/i18n";

interface StepProps {
  number: number;
  title: string;
  state: "done" | "now" | "later";
  children?: ReactNode;
}

export function Step({ number, title, state, children }: StepProps) {
  const t = useMessages();
  const look = { done: "border-accent bg-accent text-accent-ink", now: "border-accent text-accent", later: "border-line-strong text-faint" }[state];
  return (
    <li data-step={number} data-step-state={state} aria-current={state === "now" ? "step" : undefined} className="panel p-4 sm:p-5">
      <div className="flex items-center gap-3">
        <span aria-hidden className={`flex size-7 shrink-0 items-center justify-center rounded-full border-2 text-sm font-semibold ${look}`}>
          {state === "done" ? "✓" : number}
        </span>
        <h2 className={`min-w-0 flex-1 font-semibold ${state === "later" ? "text-faint" : ""}`}>{title}</h2>
        <span className={`text-xs ${state === "done" ? "text-accent" : "text-faint"}`}>{t.start.state[state]}</span>
      </div>
      {children && <div className="mt-4 flex min-w-0 flex-col gap-4">{children}</div>}
    </li>
  );
}
