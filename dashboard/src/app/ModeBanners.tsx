// Says on every page what is not protected: the demo, where nobody signs in, and pages that come without encryption.
import { useQuery } from "@tanstack/react-query";
import { sessionQuery } from "@/api/session";
import { useMessages } from "@/i18n";

export function ModeBanners() {
  const t = useMessages();
  const session = useQuery(sessionQuery);
  return (
    <>
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
