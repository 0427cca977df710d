// Name and password; where nobody has an account yet, how the first one is made.
import { type SessionState, useSignIn } from "@/api/session";
import { Command } from "@/components/Command";
import { useMessages } from "@/i18n";
import { Field, FormError, Sheet, text } from "@/components/Fields";

export function SignInPage({ session }: { session: SessionState }) {
  const t = useMessages();
  return (
    <Sheet title={t.auth.title} lead={session.setup_needed ? t.auth.firstTime : t.auth.lead}>
      {session.setup_needed ? <Command command={t.auth.firstCommand} /> : null}
      <SignInForm />
    </Sheet>
  );
}

function SignInForm() {
  const t = useMessages();
  const signIn = useSignIn();
  return (
    <form
      className="flex flex-col gap-3"
      onSubmit={(event) => {
        event.preventDefault();
        const form = new FormData(event.currentTarget);
        signIn.mutate({ name: text(form, "name"), password: text(form, "password") });
      }}
    >
      <Field label={t.auth.name} name="name" autoComplete="username" autoCapitalize="none" spellCheck={false} maxLength={64} autoFocus />
      <Field label={t.auth.password} name="password" type="password" autoComplete="current-password" maxLength={256} />
      <FormError error={signIn.error} />
      <button type="submit" className="button button-primary" disabled={signIn.isPending}>
        {signIn.isPending ? t.auth.busy : t.auth.submit}
      </button>
      <p className="text-xs text-faint">{t.auth.forgotten}</p>
    </form>
  );
}
