// Where a machine is and its tags, beside its name; whoever operates it changes them here.
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useMay } from "@/api/session";
import type { MachineDetail } from "@/api/types";
import { MachineForm } from "@/components/MachineForm";
import { useMessages } from "@/i18n";

export function MachinePlace({ machine }: { machine: MachineDetail }) {
  const t = useMessages();
  const mayChange = useMay("operator");
  const [open, setOpen] = useState(false);
  return (
    <>
      <span className="text-sm text-faint">{machine.site.name}</span>
      {machine.tags.length > 0 && (
        <ul aria-label={t.plant.tags} className="flex flex-wrap gap-1 text-xs">
          {machine.tags.map((tag) => (
            <li key={tag}>
              <Link to="/" search={{ tag }} className="inline-flex min-h-6 items-center rounded border border-line px-1.5 text-soft hover:border-line-strong hover:text-ink">
                {tag}
              </Link>
            </li>
          ))}
        </ul>
      )}
      {mayChange && !open && (
        <button type="button" className="rounded px-1 py-1 text-sm text-accent underline underline-offset-2" onClick={() => setOpen(true)}>
          {t.plant.editPlace}
        </button>
      )}
      {open && (
        <div className="order-last w-full">
          <MachineForm machine={machine} onDone={() => setOpen(false)} />
        </div>
      )}
    </>
  );
}
