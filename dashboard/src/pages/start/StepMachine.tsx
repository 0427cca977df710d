// The first step: which machine, where it stands, and what is listened to.
import { useState } from "react";
import type { Agent } from "@/api/agents";
import { text } from "@/components/Fields";
import { useMessages } from "@/i18n";
import { KINDS, SOURCES, type Chosen, type Source } from "@/lib/enrolment";
import { parseStartSearch, type StartSearch } from "@/lib/start-search";
import { Step } from "./Step";

const LONGEST_NAME = 120;

interface Props {
  chosen: Chosen | null;
  agent: Agent | undefined;
  /** An agent has told the collector of its machine: nothing is left to be chosen. */
  done: boolean;
  onSearch: (search: StartSearch) => void;
}

export function StepMachine({ chosen, agent, done, onSearch }: Props) {
  const t = useMessages();
  const [changing, setChanging] = useState(false);
  const heard = agent?.sensors[0];
  if (done || (chosen && !changing)) {
    return (
      <Step number={1} title={t.start.machine.title} state="done">
        <div className="flex flex-wrap items-center justify-between gap-3 text-sm">
          <p className="[overflow-wrap:anywhere]">
            {heard ? `${heard.machine_name} · ${heard.source}` : chosen && `${chosen.machine}, ${chosen.site} · ${t.start.source[chosen.source]}`}
          </p>
          {!done && (
            <button type="button" className="button" onClick={() => setChanging(true)}>
              {t.start.change}
            </button>
          )}
        </div>
      </Step>
    );
  }
  return (
    <Step number={1} title={t.start.machine.title} state="now">
      <MachineForm
        chosen={chosen}
        onSearch={(search) => {
          setChanging(false);
          onSearch(search);
        }}
      />
    </Step>
  );
}

function MachineForm({ chosen, onSearch }: { chosen: Chosen | null; onSearch: (search: StartSearch) => void }) {
  const t = useMessages();
  const [source, setSource] = useState<Source>(chosen?.source ?? "microphone");
  return (
    <form
      className="flex flex-col gap-4 text-sm"
      onSubmit={(event) => {
        event.preventDefault();
        const form = new FormData(event.currentTarget);
        const said = Object.fromEntries(["site", "machine", "source", "kind", "path"].map((name) => [name, text(form, name).trim()]));
        onSearch(parseStartSearch(said));
      }}
    >
      <div className="grid gap-4 sm:grid-cols-2">
        <Named label={t.start.machine.machine} name="machine" hint={t.start.machine.machineHint} value={chosen?.machine} />
        <Named label={t.start.machine.site} name="site" hint={t.start.machine.siteHint} value={chosen?.site} />
      </div>
      <fieldset className="flex flex-col gap-1">
        <legend className="mb-1 text-soft">{t.start.machine.source}</legend>
        {SOURCES.map((each) => (
          <label key={each} className="flex min-h-9 items-start gap-2 rounded-md border border-line px-3 py-2 has-checked:border-accent has-checked:bg-accent-wash">
            <input type="radio" name="source" value={each} checked={source === each} onChange={() => setSource(each)} className="mt-0.5 size-4 accent-accent" />
            <span>
              <span className="font-medium">{t.start.source[each]}</span>
              <span className="block text-xs text-soft">{t.start.sourceHint[each]}</span>
            </span>
          </label>
        ))}
      </fieldset>
      {source === "simulator" && (
        <label className="flex flex-col gap-1">
          <span className="text-soft">{t.start.machine.kind}</span>
          <select name="kind" defaultValue={chosen?.kind ?? "pump"} className="field w-44">
            {KINDS.map((kind) => (
              <option key={kind} value={kind}>
                {t.start.kinds[kind]}
              </option>
            ))}
          </select>
        </label>
      )}
      {source === "recording" && <Named label={t.start.machine.path} name="path" hint={t.start.machine.pathHint} value={chosen?.path} />}
      <button type="submit" className="button button-primary self-start">
        {t.start.next}
      </button>
    </form>
  );
}

function Named({ label, name, hint, value }: { label: string; name: string; hint: string; value: string | undefined }) {
  return (
    <div className="flex flex-col gap-1">
      <label className="flex flex-col gap-1">
        <span className="text-soft">{label}</span>
        <input name={name} required maxLength={LONGEST_NAME} pattern=".*\S.*" defaultValue={value} aria-describedby={`${name}-hint`} autoComplete="off" className="field w-full" />
      </label>
      <span id={`${name}-hint`} className="text-xs text-faint">
        {hint}
      </span>
    </div>
  );
}
