// To add an agent: a key for it, the line to type there, who has enrolled; and all keys that there are.
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";
import { type KeyMade, useMakeKey } from "@/api/enrolment";
import { useMay } from "@/api/session";
import { AddressNote } from "@/components/AddressNote";
import { EmptyState } from "@/components/EmptyState";
import { EnrolLine } from "@/components/EnrolLine";
import { explain } from "@/components/ErrorState";
import { ArrowIcon } from "@/components/icons";
import { KeyWatch } from "@/components/KeyWatch";
import { useMessages } from "@/i18n";
import { enrolLine } from "@/lib/enrolment";
import { Keys } from "./Keys";

const DAY_S = 86_400;
const LIFETIMES_S = [3_600, DAY_S, 7 * DAY_S, 30 * DAY_S];
const MOST_USES = 100_000;
const route = getRouteApi("/agents/add");

export function AddAgentPage() {
  const t = useMessages();
  const may = useMay("administrator");
  const { key } = route.useSearch();
  const navigate = route.useNavigate();
  const [made, setMade] = useState<KeyMade | null>(null);
  const keep = (next: KeyMade | null) => {
    setMade(next);
    void navigate({ search: next ? { key: next.made.id } : {} });
  };
  return (
    <>
      <title>{`${t.enrol.title} · ${t.app.name}`}</title>
      <Link to="/agents" className="mb-2 inline-flex min-h-8 items-center gap-1 text-sm text-soft hover:text-ink">
        <ArrowIcon way="left" />
        {t.agents.title}
      </Link>
      <h1 className="text-xl font-semibold tracking-tight">{t.enrol.title}</h1>
      {may ? (
        <div className="flex max-w-4xl flex-col gap-4">
          <p className="text-sm text-soft">
            {t.enrol.lead}{" "}
            <Link to="/start" search={{ again: true }} className="underline decoration-line-strong underline-offset-4">
              {t.enrol.guide}
            </Link>
            .
          </p>
          <section aria-label={t.enrol.title} className="panel flex flex-col gap-4 p-4">
            {key === undefined ? <KeyForm onMade={keep} /> : <Made id={key} made={made?.made.id === key ? made : null} onAgain={() => keep(null)} />}
          </section>
          <Keys watched={key} onWatch={(id) => void navigate({ search: { key: id } })} />
        </div>
      ) : (
        <div className="panel mt-3">
          <EmptyState title={t.auth.needs.administrator} />
        </div>
      )}
    </>
  );
}

function KeyForm({ onMade }: { onMade: (made: KeyMade) => void }) {
  const t = useMessages();
  const make = useMakeKey();
  return (
    <form
      className="flex flex-col gap-4 text-sm"
      onSubmit={(event) => {
        event.preventDefault();
        const form = new FormData(event.currentTarget);
        make.mutate(
          { uses: Number(form.get("uses")), lifetime_s: Number(form.get("lifetime")), may_replace: form.has("replace") },
          { onSuccess: onMade },
        );
      }}
    >
      <div className="flex flex-wrap gap-4">
        <label className="flex flex-col gap-1">
          <span className="text-soft">{t.enrol.uses}</span>
          <input name="uses" type="number" required min={1} max={MOST_USES} defaultValue={1} className="field w-32" />
        </label>
        <label className="flex flex-col gap-1">
          <span className="text-soft">{t.enrol.lifetime}</span>
          <select name="lifetime" defaultValue={DAY_S} className="field w-32">
            {LIFETIMES_S.map((seconds) => (
              <option key={seconds} value={seconds}>
                {t.enrol.lifetimes[seconds]}
              </option>
            ))}
          </select>
        </label>
      </div>
      <div>
        <label className="inline-flex min-h-8 items-center gap-2">
          <input name="replace" type="checkbox" aria-describedby="may-replace" className="size-4 accent-accent" />
          {t.enrol.mayReplace}
        </label>
        <p id="may-replace" className="max-w-prose text-xs text-faint">
          {t.enrol.mayReplaceHint}
        </p>
      </div>
      {make.isError && (
        <p role="alert" className="text-alarm">
          {explain(make.error, t)}
        </p>
      )}
      <button type="submit" className="button button-primary self-start" disabled={make.isPending}>
        {t.enrol.make}
      </button>
    </form>
  );
}

function Made({ id, made, onAgain }: { id: string; made: KeyMade | null; onAgain: () => void }) {
  const t = useMessages();
  return (
    <>
      {made ? (
        <>
          <p className="text-sm text-soft">{t.enrol.onHost}</p>
          <EnrolLine line={enrolLine("package", made.enrolment_key)} />
          {made.made.may_replace && <p className="text-xs text-faint">{t.enrol.replaceHint}</p>}
          <AddressNote address={made.address} />
        </>
      ) : (
        <p className="text-sm text-faint">{t.enrol.gone}</p>
      )}
      <KeyWatch id={id} />
      <button type="button" className="button self-start" onClick={onAgain}>
        {t.enrol.again}
      </button>
    </>
  );
}
