// Controls that a role may not use are there, disabled, with the reason beside them.
import type { ReactNode } from "react";
import { type Role, useMay } from "@/api/session";
import { useMessages } from "@/i18n";

interface NeedsRoleProps {
  role: Exclude<Role, "viewer">;
  children: ReactNode;
  /** Where there is no room for a line: the reason shows at the pointer only, and to screen readers. */
  compact?: boolean;
  /** What sets the reason apart from the edge, where the controls have space of their own around them. */
  beside?: string;
}

export function NeedsRole({ role, children, compact = false, beside = "mt-1" }: NeedsRoleProps) {
  const t = useMessages();
  const may = useMay(role);
  if (may) return children;
  return (
    <fieldset disabled title={t.auth.needs[role]} data-needs={role} className="m-0 min-w-0 border-0 p-0 [&_:disabled]:cursor-not-allowed">
      {children}
      <p className={compact ? "sr-only" : `${beside} text-xs text-faint`}>{t.auth.needs[role]}</p>
    </fieldset>
  );
}
