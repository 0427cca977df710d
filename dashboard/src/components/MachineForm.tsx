// Changes what a machine is called, where it is, and its tags.
import { useQuery } from "@tanstack/react-query";
import { type MachineChange, sitesQuery, useChangeMachine } from "@/api/plant";
import { useMessages } from "@/i18n";
import { textOf } from "@/lib/form-text";
import { Problem } from "./Problem";

interface Props {
  machine: { id: string; name: string; site: { id: string; name: string }; tags: readonly string[] };
  /** Without it the name stays. */
  named?: boolean;
  onDone: () => void;
}

export function MachineForm({ machine, named = false, onDone }: Props) {
  const t = useMessages();
  const sites = useQuery(sitesQuery).data ?? [machine.site];
  const change = useChangeMachine(machine.id);
  const save = (form: FormData) => {
    const said = (name: string) => textOf(form, name);
    const changes: MachineChange = { tags: said("tags").split(",").filter((tag) => tag.trim() !== ""), site_id: said("site") };
    if (named) changes.name = said("name");
    change.mutate(changes, { onSuccess: onDone });
  };
  return (
    <form
      aria-label={t.plant.change(machine.name)}
      className="flex flex-wrap items-start gap-3 rounded-md border border-line bg-raised p-3 text-sm"
      onKeyDown={(event) => event.key === "Escape" && onDone()}
      onSubmit={(event) => {
        event.preventDefault();
        save(new FormData(event.currentTarget));
      }}
    >
      {named && (
        <label className="flex min-w-48 flex-1 flex-col gap-1">
          {t.plant.name}
          <input name="name" required maxLength={120} className="field" defaultValue={machine.name} />
        </label>
      )}
      <label className="flex min-w-48 flex-1 flex-col gap-1">
        {t.plant.tags}
        <input name="tags" className="field" defaultValue={machine.tags.join(", ")} autoFocus />
        <span className="label">{t.plant.tagsHint}</span>
      </label>
      <label className="flex min-w-40 flex-col gap-1">
        {t.plant.site}
        <select name="site" className="field" key={sites.length} defaultValue={machine.site.id}>
          {sites.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <div className="flex w-full flex-wrap items-center gap-2">
        <button type="submit" className="button button-primary" disabled={change.isPending}>
          {t.plant.save}
        </button>
        <button type="button" className="button" onClick={onDone}>
          {t.plant.cancel}
        </button>
        <Problem error={change.error} />
      </div>
    </form>
  );
}
