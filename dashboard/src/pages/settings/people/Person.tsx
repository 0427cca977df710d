// One user: what is known of him, and what can be changed.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type User, useChangeUser } from "@/api/administration";
import { sessionQuery } from "@/api/session";
import { TimeAgo } from "@/components/TimeAgo";
import { useMessages } from "@/i18n";
import { useFormat } from "@/lib/use-format";
import { Ask } from "@/components/Ask";
import { FormError } from "@/components/Fields";
import { Tag } from "../Part";
import { ChangePerson } from "./ChangePerson";

export function Person({ user }: { user: User }) {
  const t = useMessages();
  const words = t.settings.people;
  const change = useChangeUser();
  const isSelf = useQuery(sessionQuery).data?.user?.name === user.name;
  const [open, setOpen] = useState<"change" | "disable" | null>(null);
  const isDisabled = user.disabled_us !== null;
  const toggle = () => (isDisabled ? change.mutate({ id: user.id, changes: { disabled: false } }) : setOpen("disable"));
  return (
    <li className="flex flex-col gap-2 px-4 py-3" data-person={user.name}>
      <div className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2">
        <div className="min-w-0 text-sm">
          <p className="flex flex-wrap items-center gap-x-2 gap-y-1">
            <span className="font-medium [overflow-wrap:anywhere]">{user.name}</span>
            <span className="text-soft">{t.auth.role[user.role]}</span>
            {isSelf && <Tag tone="accent">{words.self}</Tag>}
            {isDisabled && <Tag tone="warning">{words.disabled}</Tag>}
          </p>
          <Usage user={user} />
        </div>
        <div className="flex flex-wrap gap-2">
          <button type="button" className="button" aria-label={`${words.change} – ${user.name}`} aria-expanded={open === "change"} onClick={() => setOpen(open === "change" ? null : "change")}>
            {words.change}
          </button>
          <button
            type="button"
            className={`button ${isDisabled ? "" : "button-danger"}`}
            aria-label={`${isDisabled ? words.enable : words.disable} – ${user.name}`}
            disabled={change.isPending}
            onClick={toggle}
          >
            {isDisabled ? words.enable : words.disable}
          </button>
        </div>
      </div>
      {open === "change" && <ChangePerson user={user} isSelf={isSelf} onClose={() => setOpen(null)} />}
      {open === "disable" && (
        <Ask
          label={words.disable}
          yes={words.disable}
          onYes={() => {
            setOpen(null);
            change.mutate({ id: user.id, changes: { disabled: true } });
          }}
          onNo={() => setOpen(null)}
        >
          <p>{isSelf ? words.disableSelf : words.disableAsk(user.name)}</p>
        </Ask>
      )}
      <FormError error={change.error} />
    </li>
  );
}

function Usage({ user }: { user: User }) {
  const words = useMessages().settings.people;
  const format = useFormat();
  return (
    <p className="mt-0.5 text-xs text-faint">
      {user.last_sign_in_us === null ? words.never : <TimeAgo us={user.last_sign_in_us}>{words.lastSignIn}</TimeAgo>}
      {" · "}
      {words.sessions(user.sessions, format.number(user.sessions))}
      {" · "}
      {words.created(format.dateTime(user.created_us))}
      {user.disabled_us !== null && ` · ${words.disabledSince(format.dateTime(user.disabled_us))}`}
    </p>
  );
}
