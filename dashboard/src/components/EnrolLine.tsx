// The line that enrols an agent, to be copied or scanned; it holds a secret and is shown this once.
import { useMessages } from "@/i18n";
import { Command } from "./Command";
import { QrCode } from "./QrCode";

export function EnrolLine({ line }: { line: string }) {
  const t = useMessages();
  return (
    <div className="flex flex-col gap-3">
      <div data-line="enrol">
        <Command command={line} />
      </div>
      <p className="text-xs text-faint">{t.enrol.once}</p>
      <details className="text-sm">
        <summary className="min-h-7 cursor-pointer py-0.5 text-soft">{t.enrol.showQr}</summary>
        <div className="mt-2 flex flex-wrap items-start gap-4">
          <QrCode text={line} label={t.enrol.qr} />
          <p className="max-w-xs text-xs text-faint">{t.enrol.qrHow}</p>
        </div>
      </details>
    </div>
  );
}
