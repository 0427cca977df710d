// One's own account: password, and the browsers in which one is signed in.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useRef } from "react";
import { type OpenSession, ownSessionsQuery, sessionQuery, useChangePassword, useEndSession, useSignOut } from "@/api/session";
import { ErrorState } from "@/components/ErrorState";
import { More } from "@/components/More";
import { SkeletonPanels } from "@/components/Skeleton";
import { useMessages } from "@/i18n";
import { useFormat } from "@/lib/use-format";
import { Field, FormError, text } from "@/components/Fields";

export function AccountPage() {
  const t = useMessages();
  const user = useQuery(sessionQuery).data?.user;
  if (!user) return null;
  return (
    <div className="flex flex-col gap-4">
      <h1 className="text-lg font-semibold">
        {user.name} <span className="font-normal text-soft">{t.auth.role[user.role]}</span>
      </h1>
      {user.means === "session" ? (
        <div className="grid items-start gap-4 lg:grid-cols-2">
          <Sessions />
          <Password />
        </div>
      ) : (
        <p className="text-sm text-soft">{t.auth.noAccount}</p>
      )}
    </div>
  );
}

function Password() {
  const t = useMessages();
  const change = useChangePassword();
  const form = useRef<HTMLFormElement>(null);
  return (
    <section className="panel p-4" aria-label={t.auth.changePassword}>
      <h2 className="mb-3 font-semibold">{t.auth.changePassword}</h2>
      <form
        ref={form}
        className="flex max-w-sm flex-col gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          const data = new FormData(event.currentTarget);
          change.mutate({ current: text(data, "current"), new: text(data, "new") }, { onSuccess: () => form.current?.reset() });
        }}
      >
        <Field label={t.auth.currentPassword} name="current" type="password" autoComplete="current-password" maxLength={256} />
        <Field label={t.auth.newPassword} name="new" type="password" autoComplete="new-password" minLength={15} maxLength={256} />
        <p className="text-xs text-faint">{t.auth.setup.rule}</p>
        <FormError error={change.error} />
        {change.isSuccess && (
          <p role="status" className="text-sm text-soft">
            {t.auth.changed}
          </p>
        )}
        <button type="submit" className="button self-start" disabled={change.isPending}>
          {t.auth.change}
        </button>
      </form>
    </section>
  );
}

function Sessions() {
  const t = useMessages();
  const sessions = useInfiniteQuery(ownSessionsQuery);
  const signOut = useSignOut();
  return (
    <section className="panel p-4" aria-label={t.auth.sessions}>
      <h2 className="mb-2 font-semibold">{t.auth.sessions}</h2>
      {sessions.isError && !sessions.data && <ErrorState error={sessions.error} onRetry={() => void sessions.refetch()} />}
      {sessions.isPending && <SkeletonPanels count={1} className="h-12" />}
      <ul className="divide-y divide-line">
        {sessions.data?.pages.flatMap(({ items }) => items).map((session) => (
          <Session key={session.id} session={session} />
        ))}
      </ul>
      <More of={sessions} className="mt-2" />
      <FormError error={signOut.error} />
      <div className="mt-3 flex flex-wrap gap-2">
        <button type="button" className="button" onClick={() => signOut.mutate("here")}>
          {t.auth.signOut}
        </button>
        <button type="button" className="button button-danger" onClick={() => signOut.mutate("everywhere")}>
          {t.auth.everywhere}
        </button>
      </div>
    </section>
  );
}

function Session({ session }: { session: OpenSession }) {
  const t = useMessages();
  const format = useFormat();
  const end = useEndSession();
  return (
    <li className="flex flex-wrap items-center justify-between gap-2 py-2 text-sm" data-session={session.current ? "current" : "other"}>
      <span className="min-w-0 [overflow-wrap:anywhere]">
        {session.address}
        {session.current && <span className="text-accent">, {t.auth.thisBrowser}</span>}
        <span className="block text-xs text-faint">
          {t.auth.lastUsed(format.dateTime(session.last_used_us))}, {t.auth.expires(format.dateTime(session.expires_us))}
        </span>
        <span className="block text-xs text-faint">{session.browser}</span>
      </span>
      {!session.current && (
        <button type="button" className="button" disabled={end.isPending} onClick={() => end.mutate(session.id)}>
          {t.auth.end}
        </button>
      )}
    </li>
  );
}
