// The groups of features: a bar against its limits, a word, what moved most, and the course over days.
import { useState } from "react";
import type { Drift } from "@/api/types";
import { useMessages } from "@/i18n";
import { useFormat } from "@/lib/use-format";
import { barShare, changeText, limits } from "./drift-words";
import { featureLabel } from "@/lib/feature-names";

type Group = Drift["groups"][number];
const TONE = { stable: "bg-line-strong", slight: "bg-warning", marked: "bg-alarm" } as const;
const GLYPH = { stable: "✓", slight: "△", marked: "▲" } as const;
const WORD = { stable: "text-faint", slight: "text-warning", marked: "text-alarm" } as const;

export function DriftGroups({ drift }: { drift: Drift }) {
  const t = useMessages();
  const moved = drift.groups.filter((group) => group.degree !== "stable");
  const [all, setAll] = useState(false);
  const shown = all ? drift.groups : moved;
  return (
    <>
      <ul className="flex flex-col gap-3">
        {shown.toSorted((a, b) => b.psi / limits(b).slight - a.psi / limits(a).slight).map((group) => (
          <GroupLine key={group.group} group={group} days={drift.days} />
        ))}
      </ul>
      {!all && moved.length < drift.groups.length && (
        <button type="button" className="mt-2 text-xs text-soft underline" onClick={() => setAll(true)}>
          {t.drift.more}
        </button>
      )}
    </>
  );
}

function GroupLine({ group, days }: { group: Group; days: Drift["days"] }) {
  const t = useMessages();
  const format = useFormat();
  const name = t.drift.groups[group.group] ?? group.group;
  const figures = t.drift.index(format.number(group.psi, 2), format.number(group.chance, 2));
  const most = group.moved_most;
  return (
    <li data-group={group.group} data-degree={group.degree} className="text-sm">
      <div className="flex items-baseline justify-between gap-2">
        <span>{name}</span>
        <span className={`text-xs font-medium whitespace-nowrap ${WORD[group.degree]}`}>
          <span aria-hidden>{GLYPH[group.degree]} </span>
          {t.drift.degree[group.degree]}
        </span>
      </div>
      <Bar group={group} label={`${name}: ${figures}`} />
      <p className="text-xs text-faint">
        {group.degree === "stable" ? figures : t.drift.moved(featureLabel({ ...most, name: most.feature }, t), changeText(most, t, format))}
      </p>
      {group.degree !== "stable" && days.length > 1 && <Course name={name} group={group} days={days} />}
    </li>
  );
}

function Bar({ group, label }: { group: Group; label: string }) {
  const { slight, marked } = limits(group);
  return (
    <div role="img" aria-label={label} title={label} className="relative my-1 h-1.5 rounded-full bg-line">
      <div className={`h-full rounded-full ${TONE[group.degree]}`} style={{ width: `${100 * barShare(group.psi, group)}%` }} />
      {[slight, marked].map((limit) => (
        <span key={limit} className="absolute -top-0.5 h-2.5 w-px bg-soft" style={{ left: `${100 * barShare(limit, group)}%` }} />
      ))}
    </div>
  );
}

function Course({ name, group, days }: { name: string; group: Group; days: Drift["days"] }) {
  const t = useMessages();
  const format = useFormat();
  const course = days.map((day) => ({ day, psi: day.psi[group.group] ?? 0 }));
  const highest = Math.max(...course.map(({ psi }) => psi), limits(group).slight);
  const label = t.drift.course(name, days.length, format.number(course[0]?.psi, 2), format.number(course.at(-1)?.psi, 2));
  return (
    <div role="img" aria-label={label} className="mt-1 flex h-8 items-end gap-px">
      {course.map(({ day, psi }) => (
        <span
          key={day.start_us}
          title={t.drift.day(format.dateTime(day.start_us), format.number(psi, 2))}
          className="max-w-4 min-w-px flex-1 bg-[var(--chart-1)]"
          style={{ height: `${Math.max(4, (100 * psi) / highest)}%` }}
        />
      ))}
    </div>
  );
}
