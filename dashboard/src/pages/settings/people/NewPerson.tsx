// The form in which a user is made.
import { useAddUser } from "@/api/administration";
import { useMessages } from "@/i18n";
import { Field, FormError, text } from "@/components/Fields";
import { RoleField, roleOf } from "../RoleField";

export function NewPerson({ onClose }: { onClose: () => void }) {
  const t = useMessages();
  const words = t.settings.people;
  const add = useAddUser();
  return (
    <form
      aria-label={words.add}
      className="panel flex flex-col gap-3 p-4"
      onSubmit={(event) => {
        event.preventDefault();
        const form = new FormData(event.currentTarget);
        add.mutate({ name: text(form, "name"), role: roleOf(form), password: text(form, "password") }, { onSuccess: onClose });
      }}
    >
      <div className="grid gap-3 md:grid-cols-3">
        <Field label={t.auth.name} name="name" autoFocus autoComplete="off" maxLength={64} />
        <RoleField label={words.role} />
        <Field label={words.firstPassword} name="password" type="password" autoComplete="new-password" minLength={15} maxLength={256} />
      </div>
      <p className="text-xs text-faint">
        {t.auth.setup.rule} {words.tell}
      </p>
      <FormError error={add.error} />
      <div className="flex flex-wrap gap-2">
        <button type="submit" className="button button-primary" disabled={add.isPending}>
          {words.create}
        </button>
        <button type="button" className="button" onClick={onClose}>
          {t.agents.cancel}
        </button>
      </div>
    </form>
  );
}
