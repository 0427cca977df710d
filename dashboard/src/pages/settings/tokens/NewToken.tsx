// The form in which a token is made; then its secret, which is shown this once.
import { useAddToken } from "@/api/administration";
import { Command } from "@/components/Command";
import { useMessages } from "@/i18n";
import { Field, FormError, text } from "@/components/Fields";
import { RoleField, roleOf } from "../RoleField";

const DAYS = 90;
const MOST_DAYS = 3650;
const HEADER = "Authorization: Bearer …";

export function NewToken({ onClose }: { onClose: () => void }) {
  const t = useMessages();
  const words = t.settings.tokens;
  const add = useAddToken();
  if (add.data) return <Made name={add.data.name} secret={add.data.token} onClose={onClose} />;
  return (
    <form
      aria-label={words.add}
      className="panel flex flex-col gap-3 p-4"
      onSubmit={(event) => {
        event.preventDefault();
        const form = new FormData(event.currentTarget);
        add.mutate({ name: text(form, "name"), scope: roleOf(form), days: Number(text(form, "days")) });
      }}
    >
      <div className="grid gap-3 md:grid-cols-3">
        <Field label={words.name} name="name" autoFocus autoComplete="off" maxLength={80} placeholder={words.nameExample} />
        <RoleField label={words.scope} />
        <Field label={words.days} name="days" type="number" inputMode="numeric" min={1} max={MOST_DAYS} defaultValue={DAYS} />
      </div>
      <p className="text-xs text-faint">{words.bound}</p>
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

function Made({ name, secret, onClose }: { name: string; secret: string; onClose: () => void }) {
  const words = useMessages().settings.tokens;
  return (
    <div role="group" aria-label={words.made(name)} className="panel flex flex-col gap-3 border-accent p-4 text-sm">
      <p role="status" className="font-medium">
        {words.made(name)}
      </p>
      <p className="text-soft">{words.once}</p>
      <Command command={secret} />
      <p className="text-xs text-faint">
        {words.use} <code className="font-mono">{HEADER}</code>
      </p>
      <button type="button" autoFocus className="button button-primary self-start" onClick={onClose}>
        {words.done}
      </button>
    </div>
  );
}
