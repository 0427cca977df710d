// Gives a name to something new, or another one.
import { useMessages } from "@/i18n";
import { textOf } from "@/lib/form-text";
import { Problem } from "@/components/Problem";

interface Props {
  label: string;
  /** The name until now; without it something new is made. */
  name?: string;
  error: unknown;
  pending: boolean;
  onName: (name: string, done: () => void) => void;
  onCancel?: () => void;
}

export function NameForm({ label, name, error, pending, onName, onCancel }: Props) {
  const t = useMessages();
  return (
    <form
      className="flex flex-wrap items-end gap-2 text-sm"
      onKeyDown={(event) => event.key === "Escape" && onCancel?.()}
      onSubmit={(event) => {
        event.preventDefault();
        const form = event.currentTarget;
        onName(textOf(new FormData(form), "name"), () => form.reset());
      }}
    >
      <label className="flex min-w-40 flex-1 flex-col gap-1 sm:max-w-72">
        {label}
        <input name="name" required maxLength={120} className="field" defaultValue={name} autoFocus={name !== undefined} />
      </label>
      <button type="submit" className={name === undefined ? "button" : "button button-primary"} disabled={pending}>
        {name === undefined ? t.plant.add : t.plant.save}
      </button>
      {onCancel && (
        <button type="button" className="button" onClick={onCancel}>
          {t.plant.cancel}
        </button>
      )}
      <Problem error={error} />
    </form>
  );
}
