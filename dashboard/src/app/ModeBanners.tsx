// Says on every page what is not protected: the demo, where nobody signs in, and pages that come without encryption; and
// that a language could not be loaded.
import { useQuery } from "@tanstack/react-query";
import { sessionQuery } from "@/api/session";
import { type Language, languageName, useLanguage, useMessages, useMissingLanguage } from "@/i18n";

export function ModeBanners() {
  const t = useMessages();
  const session = useQuery(sessionQuery);
  const missing = useMissingLanguage();
  return (
    <>
      {missing && <MissingLanguage language={missing} />}
      {session.data?.demo && <Banner name="demo" text={t.auth.demo} />}
      {session.data?.insecure && <Banner name="insecure" text={t.auth.insecure} />}
    </>
  );
}

function Banner({ name, text }: { name: string; text: string }) {
  return (
    <div role="note" data-banner={name} className="border-b border-line bg-warning-wash text-sm text-warning">
      <p className="mx-auto max-w-[1500px] px-3 py-1.5 sm:px-5">
        <span aria-hidden>▲ </span>
        {text}
      </p>
    </div>
  );
}

function MissingLanguage({ language }: { language: Language }) {
  const t = useMessages();
  const [spoken, setLanguage] = useLanguage();
  return (
    <div className="border-b border-line bg-warning-wash text-sm text-warning">
      <div className="mx-auto flex max-w-[1500px] items-center justify-between gap-3 px-3 py-1.5 sm:px-5">
        <p role="alert" data-banner="language">
          <span aria-hidden>▲ </span>
          {t.language.missing(languageName(language, spoken))}
        </p>
        <button type="button" className="button shrink-0" onClick={() => void setLanguage(language)}>
          {t.error.retry}
        </button>
      </div>
    </div>
  );
}
