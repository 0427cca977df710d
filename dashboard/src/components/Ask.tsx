// A question before something is done: what will happen, yes and no. Escape is no; who said no is where they were.
import { useState, type ReactNode } from "react";
import { useMessages } from "@/i18n";

interface Props {
  label: string;
  yes: string;
  onYes: () => void;
  /** What "no" is called where it is more than to leave it. */
  no?: string | undefined;
  onNo: () => void;
  children: ReactNode;
}

export function Ask({ label, yes, onYes, no: noWord, onNo, children }: Props) {
  const t = useMessages();
  // As it opens the focus is still on the button that asked.
  const [opener] = useState(() => document.activeElement);
  const no = () => {
    onNo();
    if (opener instanceof HTMLElement) opener.focus();
  };
  return (
    <div role="group" aria-label={label} onKeyDown={(event) => event.key === "Escape" && no()} className="rounded-md border border-line bg-raised p-3 text-sm">
      <div className="mb-2 flex flex-col gap-1.5 [overflow-wrap:anywhere]">{children}</div>
      <div className="flex flex-wrap gap-2">
        <button type="button" autoFocus className="button button-primary" onClick={onYes}>
          {yes}
        </button>
        <button type="button" className="button" onClick={no}>
          {noWord ?? t.agents.cancel}
        </button>
      </div>
    </div>
  );
}
