// The page of the one-time link: it makes the first administrator and signs in.
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { sessionQuery, useSetUp } from "@/api/session";
import { useMessages } from "@/i18n";
import { Field, FormError, Sheet, text } from "@/components/Fields";

export function SetupPage() {
  const t = useMessages();
  const session = useQuery(sessionQuery);
  // Kept, and taken out of the address and so out of the history, once the page is shown.
  const [link] = useState(() => {
    const secret = window.location.hash.slice(1);
    window.history.replaceState(window.history.state, "", window.location.pathname);
    return secret;
  });
  const words = t.auth.setup;
  if (session.data && !session.data.setup_needed) {
    return (
      <Sheet title={words.title} lead={words.done}>
        <Link to="/" className="button button-primary">
          {t.auth.submit}
        </Link>
      </Sheet>
    );
  }
  return (
    <Sheet title={words.title} lead={link ? words.lead : words.noLink}>
      {link && <SetupForm link={link} />}
    </Sheet>
  );
}

function SetupForm({ link }: { link: string }) {
  const t = useMessages();
  const setUp = useSetUp();
  const navigate = useNavigate();
  const [differ, setDiffer] = useState(false);
  return (
    <form
      className="flex flex-col gap-3"
      onSubmit={(event) => {
        event.preventDefault();
        const form = new FormData(event.currentTarget);
        const password = text(form, "password");
        setDiffer(password !== text(form, "again"));
        if (password !== text(form, "again")) return;
        setUp.mutate({ link, name: text(form, "name"), password }, { onSuccess: () => void navigate({ to: "/start" }) });
      }}
    >
      <Field label={t.auth.name} name="name" autoComplete="username" autoCapitalize="none" spellCheck={false} maxLength={64} autoFocus />
      <Field label={t.auth.password} name="password" type="password" autoComplete="new-password" minLength={15} maxLength={256} />
      <p className="text-xs text-faint">{t.auth.setup.rule}</p>
      <Field label={t.auth.setup.again} name="again" type="password" autoComplete="new-password" maxLength={256} />
      {differ && (
        <p role="alert" className="text-sm text-alarm">
          {t.auth.setup.differ}
        </p>
      )}
      <FormError error={setUp.error} />
      <button type="submit" className="button button-primary" disabled={setUp.isPending}>
        {t.auth.setup.submit}
      </button>
    </form>
  );
}
