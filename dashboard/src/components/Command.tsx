// A command to be typed elsewhere, whole and with a button that copies it.
import { useMessages } from "@/i18n";
import { Copy } from "./Copy";

export function Command({ command }: { command: string }) {
  const t = useMessages();
  return (
    <div className="flex items-center gap-1 rounded-md border border-line bg-raised pr-1 pl-3">
      <code className="min-w-0 flex-1 py-2 font-mono text-sm whitespace-pre-wrap [overflow-wrap:anywhere]">{command}</code>
      <Copy text={command} label={t.fleet.copy} />
    </div>
  );
}
