// The choice of a role, with what each one may do.
import { useState } from "react";
import { type Role, ROLES } from "@/api/session";
import { useMessages } from "@/i18n";

export function RoleField({ label, chosen = "viewer" }: { label: string; chosen?: Role }) {
  const t = useMessages();
  const [role, setRole] = useState<Role>(chosen);
  return (
    <label className="flex flex-col gap-1 text-sm">
      <span className="text-soft">{label}</span>
      <select name="role" className="field w-full" value={role} onChange={(event) => setRole(ROLES.find((each) => each === event.target.value) ?? role)}>
        {ROLES.map((each) => (
          <option key={each} value={each}>
            {t.auth.role[each]}
          </option>
        ))}
      </select>
      <span className="text-xs text-faint">{t.settings.roleHint[role]}</span>
    </label>
  );
}

/** The role that a form names. */
export function roleOf(form: FormData): Role {
  return ROLES.find((each) => each === form.get("role")) ?? "viewer";
}
