// One token: what it opens, whose it is, until when; and its end.
import { useState } from "react";
import { type Token, useRevokeToken } from "@/api/administration";
import { TimeAgo } from "@/components/TimeAgo";
import { useMessages } from "@/i18n";
import { useFormat } from "@/lib/use-format";
import { Ask } from "@/components/Ask";
import { FormError } from "@/components/Fields";
import { Tag } from "../Part";

export function TokenRow({ token }: { token: Token }) {
  const t = useMessages();
  const words = t.settings.tokens;
  const format = useFormat();
  const revoke = useRevokeToken();
  const [asked, setAsked] = useState(false);
  const opens = token.state === "valid" || token.state === "suspended";
  return (
    <li className="flex flex-col gap-2 px-4 py-3" data-token={token.name}>
      <div className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2">
        <div className="min-w-0 text-sm">
          <p className="flex flex-wrap items-center gap-x-2 gap-y-1">
            <span className="font-medium [overflow-wrap:anywhere]">{token.name}</span>
            <span className="text-soft">{t.auth.role[token.scope]}</span>
            {token.state !== "valid" && <Tag tone={token.state === "suspended" ? "warning" : "plain"}>{words.state[token.state] ?? token.state}</Tag>}
          </p>
          <p className="mt-0.5 text-xs text-faint">
            {token.owner === null ? words.byCommand : words.of(token.owner)}
            {" · "}
            {token.last_used_us === null ? words.unused : <TimeAgo us={token.last_used_us}>{t.auth.lastUsed}</TimeAgo>}
            {" · "}
            {words.expires[opens ? "open" : "ended"](format.dateTime(token.expires_us))}
          </p>
        </div>
        {opens && (
          <button type="button" className="button button-danger" aria-label={`${words.revoke} – ${token.name}`} disabled={revoke.isPending} onClick={() => setAsked(true)}>
            {words.revoke}
          </button>
        )}
      </div>
      {asked && (
        <Ask
          label={words.revoke}
          yes={words.revoke}
          onYes={() => {
            setAsked(false);
            revoke.mutate(token.id);
          }}
          onNo={() => setAsked(false)}
        >
          <p>{words.revokeAsk(token.name)}</p>
        </Ask>
      )}
      <FormError error={revoke.error} />
    </li>
  );
}
