// A short text with a button that copies the whole of it.
import { useState } from "react";
import { useMessages } from "@/i18n";
import { CopyIcon } from "./icons";

const SHOWN_MS = 2000;

export function Copy({ text, label }: { text: string; label: string }) {
  const t = useMessages();
  const [said, setSaid] = useState("");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setSaid(t.model.copied);
    } catch {
      setSaid(t.error.copyFailed);
    }
    setTimeout(() => setSaid(""), SHOWN_MS);
  };
  return (
    <span className="inline-flex items-center gap-1">
      <button type="button" aria-label={label} title={label} className="rounded p-1 text-faint hover:bg-raised hover:text-ink" onClick={() => void copy()}>
        <CopyIcon />
      </button>
      <span role="status" className="text-xs text-faint">
        {said}
      </span>
    </span>
  );
}
