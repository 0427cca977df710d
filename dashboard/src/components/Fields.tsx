// The fields of the pages on which names and passwords are given.
import type { ComponentProps, ReactNode } from "react";
import { explain } from "@/components/ErrorState";
import { useMessages } from "@/i18n";

export function Field({ label, ...input }: { label: string } & ComponentProps<"input">) {
  return (
    <label className="flex flex-col gap-1 text-sm">
      <span className="text-soft">{label}</span>
      <input {...input} required className="field w-full" />
    </label>
  );
}

export function FormError({ error }: { error: unknown }) {
  const t = useMessages();
  if (!error) return null;
  return (
    <p role="alert" className="text-sm text-alarm">
      {explain(error, t)}
    </p>
  );
}

/** A narrow panel in the middle of the page. */
export function Sheet({ title, lead, children }: { title: string; lead: string; children: ReactNode }) {
  return (
    <section aria-label={title} className="panel mx-auto mt-[6vh] flex w-full max-w-sm flex-col gap-4 p-5">
      <div>
        <h1 className="text-lg font-semibold">{title}</h1>
        <p className="mt-1 text-sm text-soft">{lead}</p>
      </div>
      {children}
    </section>
  );
}

/** The text of a form's field. */
export function text(form: FormData, name: string): string {
  const value = form.get(name);
  return typeof value === "string" ? value : "";
}
