// Which events are listed, and in what order; kept in the page's address.
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { fleetQuery } from "@/api/queries";
import { useMessages } from "@/i18n";
import { ORDERS, type ReviewSearch, SHOWN, withoutEvent, withoutPlace } from "@/lib/review-search";

interface Props {
  search: ReviewSearch;
  onChange: (search: ReviewSearch) => void;
}

export function ReviewFilters({ search, onChange }: Props) {
  const t = useMessages();
  const { show = "unreviewed", order = "newest" } = search;
  return (
    <div className="mb-2 grid grid-cols-3 gap-1.5 sm:mb-3 sm:flex sm:flex-wrap sm:gap-2">
      <Choice label={t.review.show.label} value={show} onChange={(value) => onChange({ ...withoutEvent(search), show: SHOWN.find((each) => each === value) ?? show })}>
        {SHOWN.map((each) => (
          <option key={each} value={each}>
            {t.review.show[each]}
          </option>
        ))}
      </Choice>
      <Choice label={t.review.order.label} value={order} onChange={(value) => onChange({ ...search, order: ORDERS.find((each) => each === value) ?? order })}>
        {ORDERS.map((each) => (
          <option key={each} value={each}>
            {t.review.order[each]}
          </option>
        ))}
      </Choice>
      <Place search={search} onChange={onChange} />
    </div>
  );
}

function Place({ search, onChange }: Props) {
  const t = useMessages();
  const machines = useQuery(fleetQuery).data?.machines ?? [];
  const sites = Map.groupBy(machines, (machine) => machine.site.id);
  const change = (value: string) => {
    const rest = withoutPlace(withoutEvent(search));
    const [kind, id] = value.split(" ");
    onChange(id === undefined ? rest : kind === "site" ? { ...rest, site: id } : { ...rest, machine: id });
  };
  const value = search.machine ? `machine ${search.machine}` : search.site ? `site ${search.site}` : "";
  return (
    <Choice label={t.review.place.label} value={value} onChange={change}>
      <option value="">{t.review.place.all}</option>
      {[...sites].map(([id, those]) => (
        <optgroup key={id} label={those[0]?.site.name ?? ""}>
          {sites.size > 1 && <option value={`site ${id}`}>{t.review.place.wholeSite(those[0]?.site.name ?? "")}</option>}
          {those.map((machine) => (
            <option key={machine.id} value={`machine ${machine.id}`}>
              {machine.name}
            </option>
          ))}
        </optgroup>
      ))}
    </Choice>
  );
}

interface ChoiceProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  children: ReactNode;
}

function Choice({ label, value, onChange, children }: ChoiceProps) {
  return (
    <label className="flex min-w-0 flex-col gap-0.5">
      <span className="label max-sm:sr-only">{label}</span>
      <select className="field w-full min-w-0 truncate max-sm:px-1.5! sm:max-w-72" value={value} onChange={(event) => onChange(event.target.value)}>
        {children}
      </select>
    </label>
  );
}
