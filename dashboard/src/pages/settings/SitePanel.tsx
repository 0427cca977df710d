// A site: its name, and folded behind it its machines.
import { useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";
import { machinesOfQuery, type Site, useCreateMachine, useDeleteSite, useRenameSite } from "@/api/plant";
import { ErrorState } from "@/components/ErrorState";
import { ChevronIcon } from "@/components/icons";
import { Problem } from "@/components/Problem";
import { useMessages } from "@/i18n";
import { useFormat } from "@/lib/use-format";
import { Ask } from "@/components/Ask";
import { MachineItem } from "./MachineItem";
import { NameForm } from "./NameForm";

interface Props {
  site: Site;
  /** Whether it begins unfolded. */
  open: boolean;
  /** The sensor whose calibration begins open. */
  calibrate: string | undefined;
}

export function SitePanel({ site, open, calibrate }: Props) {
  const t = useMessages();
  const format = useFormat();
  const [isOpen, setOpen] = useState(open);
  const [doing, setDoing] = useState<"rename" | "delete" | null>(null);
  const rename = useRenameSite(site.id);
  const remove = useDeleteSite(site.id);
  const why = useId();
  const full = site.machines > 0;
  return (
    <section className="panel flex flex-col gap-3 p-4" aria-label={site.name} data-site={site.name}>
      <div className="flex flex-wrap items-center gap-2">
        <h3 className="mr-auto min-w-0 font-semibold max-sm:w-full [overflow-wrap:anywhere]">
          <button type="button" aria-expanded={isOpen} className="inline-flex min-h-8 items-center gap-1 text-left" onClick={() => setOpen(!isOpen)}>
            <span aria-hidden className={isOpen ? "-rotate-90" : "rotate-180"}>
              <ChevronIcon />
            </span>
            {site.name}
            <span className="ml-1 text-sm font-normal text-faint">{t.plant.machines(site.machines, format.number(site.machines))}</span>
          </button>
        </h3>
        <button type="button" className="button" aria-label={t.plant.rename(site.name)} onClick={() => setDoing("rename")}>
          {t.plant.short.rename}
        </button>
        <button type="button" className="button button-danger" aria-label={t.plant.remove(site.name)} aria-describedby={full ? why : undefined} disabled={full} onClick={() => setDoing("delete")}>
          {t.plant.short.remove}
        </button>
        {full && (
          <p id={why} className="w-full text-xs text-faint sm:text-right">
            {t.plant.hasMachines}
          </p>
        )}
      </div>
      {doing === "rename" && (
        <NameForm
          label={t.plant.siteName}
          name={site.name}
          error={rename.error}
          pending={rename.isPending}
          onName={(name) => rename.mutate(name, { onSuccess: () => setDoing(null) })}
          onCancel={() => setDoing(null)}
        />
      )}
      {doing === "delete" && (
        <Ask label={t.plant.remove(site.name)} yes={t.plant.deleteYes} onYes={() => remove.mutate()} onNo={() => setDoing(null)}>
          <p>{t.plant.deleteSite(site.name)}</p>
          <Problem error={remove.error} />
        </Ask>
      )}
      {isOpen && <Machines site={site} calibrate={calibrate} />}
    </section>
  );
}

function Machines({ site, calibrate }: Omit<Props, "open">) {
  const t = useMessages();
  const machines = useQuery(machinesOfQuery(site.id));
  const create = useCreateMachine();
  return (
    <>
      {machines.isError && !machines.data && <ErrorState error={machines.error} onRetry={() => void machines.refetch()} />}
      {machines.data?.length === 0 && <p className="text-sm text-faint">{t.plant.noMachine}</p>}
      <ul className="flex flex-col divide-y divide-line border-y border-line empty:hidden">
        {machines.data?.map((machine) => <MachineItem key={machine.id} machine={machine} calibrate={calibrate} />)}
      </ul>
      <NameForm
        label={t.plant.newMachine}
        error={create.error}
        pending={create.isPending}
        onName={(name, done) => create.mutate({ site_id: site.id, name }, { onSuccess: done })}
      />
    </>
  );
}
