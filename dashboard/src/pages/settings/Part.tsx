// The frame of one part of the settings: its name, what it is for, its first action.
import type { ReactNode } from "react";

interface Props {
  title: string;
  lead: string;
  action?: ReactNode;
  children: ReactNode;
}

export function Part({ title, lead, action, children }: Props) {
  return (
    <section aria-label={title} className="flex flex-col gap-3">
      <div className="flex flex-wrap items-start justify-between gap-2">
        <div className="min-w-0">
          <h2 className="font-semibold">{title}</h2>
          <p className="mt-0.5 max-w-3xl text-sm text-soft">{lead}</p>
        </div>
        {action}
      </div>
      {children}
    </section>
  );
}

/** A small word of state beside a name. */
export function Tag({ tone, children }: { tone: "accent" | "warning" | "plain"; children: ReactNode }) {
  const looks = { accent: "bg-accent-wash text-accent", warning: "bg-warning-wash text-warning", plain: "bg-raised text-soft" };
  return <span className={`inline-block rounded border border-current px-1.5 text-xs font-medium ${looks[tone]}`}>{children}</span>;
}
