// A question before something is done: what will happen, yes and no.
import type { ReactNode } from "react";
import { useMessages } from "@/i18n";

interface Props {
  label: string;
  yes: string;
  onYes: () => void;
  onNo: () => void;
  children: ReactNode;
}

export function Ask({ label, yes, onYes, onNo, children }: Props) {
  const t = useMessages();
  return (
    <div role="group" aria-label={label} className="rounded-md border border-line bg-raised p-3 text-sm">
      <div className="mb-2 flex flex-col gap-1.5 [overflow-wrap:anywhere]">{children}</div>
      <div className="flex flex-wrap gap-2">
        <button type="button" autoFocus className="button button-primary" onClick={onYes}>
          {yes}
        </button>
        <button type="button" className="button" onClick={onNo}>
          {t.agents.cancel}
        </button>
      </div>
    </div>
  );
}
