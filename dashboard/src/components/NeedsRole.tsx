// What a role may not do is not offered to it.
import type { ReactNode } from "react";
import { type Role, useMay } from "@/api/session";
import { useMessages } from "@/i18n";

interface NeedsRoleProps {
  role: Exclude<Role, "viewer">;
  children: ReactNode;
  /**
   * What stands there for other roles: nothing; the reason, where they would look for it; or the controls themselves,
   * disabled and with the reason, because they show a value that everybody may know.
   */
  instead?: "nothing" | "reason" | "disabled";
  /** What sets the reason apart from the edge, where the controls have space of their own around them. */
  beside?: string;
}

export function NeedsRole({ role, children, instead = "nothing", beside = "mt-1" }: NeedsRoleProps) {
  const t = useMessages();
  const may = useMay(role);
  if (may) return children;
  if (instead === "nothing") return null;
  const reason = <p className={`${beside} text-xs text-faint`}>{t.auth.needs[role]}</p>;
  if (instead === "reason") return reason;
  return (
    <fieldset disabled title={t.auth.needs[role]} className="m-0 min-w-0 border-0 p-0 [&_:disabled]:cursor-not-allowed">
      {children}
      {reason}
    </fieldset>
  );
}
