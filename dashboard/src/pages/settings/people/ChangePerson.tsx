// The form in which a user's role and password are changed; one's own password is on the account's page.
import { Link } from "@tanstack/react-router";
import { type User, type UserChange, useChangeUser } from "@/api/administration";
import { useMessages } from "@/i18n";
import { FormError, text } from "@/components/Fields";
import { RoleField, roleOf } from "../RoleField";

/** Only what differs is changed. */
function changesOf(user: User, form: FormData): UserChange {
  const role = roleOf(form);
  const password = text(form, "password");
  return { ...(role === user.role ? {} : { role }), ...(password === "" ? {} : { password }) };
}

export function ChangePerson({ user, isSelf, onClose }: { user: User; isSelf: boolean; onClose: () => void }) {
  const t = useMessages();
  const words = t.settings.people;
  const change = useChangeUser();
  return (
    <form
      aria-label={`${words.change} – ${user.name}`}
      className="flex flex-col gap-3 rounded-md border border-line bg-raised p-3"
      onSubmit={(event) => {
        event.preventDefault();
        const changes = changesOf(user, new FormData(event.currentTarget));
        if (Object.keys(changes).length === 0) onClose();
        else change.mutate({ id: user.id, changes }, { onSuccess: onClose });
      }}
    >
      <div className="grid gap-3 md:grid-cols-2">
        <RoleField label={words.role} chosen={user.role} />
        {isSelf ? (
          <p className="text-sm text-soft">
            {words.ownPassword}{" "}
            <Link to="/account" className="font-medium text-accent underline underline-offset-2">
              {t.settings.browser.toAccount}
            </Link>
          </p>
        ) : (
          <label className="flex flex-col gap-1 text-sm">
            <span className="text-soft">{words.newPassword}</span>
            <input name="password" type="password" className="field w-full" autoComplete="new-password" minLength={15} maxLength={256} />
            <span className="text-xs text-faint">{words.newPasswordHint}</span>
          </label>
        )}
      </div>
      <FormError error={change.error} />
      <div className="flex flex-wrap gap-2">
        <button type="submit" className="button button-primary" disabled={change.isPending}>
          {words.save}
        </button>
        <button type="button" className="button" onClick={onClose}>
          {t.agents.cancel}
        </button>
      </div>
    </form>
  );
}
