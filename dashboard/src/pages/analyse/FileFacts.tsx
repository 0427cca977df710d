// What the file is, and what a listener should know of it.
import type { Analysis } from "@/api/analyses";
import { Facts } from "@/components/Facts";
import { useMessages } from "@/i18n";
import { elapsedTime } from "@/lib/format";
import { useFormat } from "@/lib/use-format";

export function FileFacts({ analysis }: { analysis: Analysis }) {
  const t = useMessages();
  const format = useFormat();
  const { format: file, warnings, sensor } = analysis;
  const rate = (hz: number) => format.withUnit(hz, 0, t.unit.hz);
  const facts: (readonly [string, string])[] = [
    [t.analyse.facts.made, t.analyse.facts.madeBy(format.dateTime(analysis.created_us), analysis.author ?? t.analyse.unknownAuthor)],
    [t.analyse.facts.format, `${file.container}, ${file.subtype}`],
    [t.analyse.facts.length, elapsedTime(format, file.duration_s)],
    [t.analyse.facts.rate, rate(file.sample_rate_hz)],
    [t.analyse.facts.channel, t.analyse.facts.channelOf(format.number(file.channel + 1), format.number(file.channels))],
    [t.analyse.facts.analysedAt, rate(analysis.sample_rate_hz)],
    [t.analyse.facts.windows, t.analyse.facts.windowsOf(format.number(analysis.start_s.length), format.withUnit(analysis.window_s, 1, "s"))],
    [t.analyse.facts.machine, sensor ? `${sensor.machine}, ${sensor.name}` : t.analyse.noMachineShort],
  ];
  return (
    <section aria-label={t.analyse.facts.title} className="panel p-4">
      <h2 className="mb-2 font-semibold">{t.analyse.facts.title}</h2>
      {warnings.length > 0 && (
        <ul aria-label={t.analyse.warningsTitle} className="mb-3 flex flex-col gap-1.5">
          {warnings.map(({ code, message }) => (
            <li key={code} data-warning={code} className="rounded-md bg-warning-wash px-3 py-1.5 text-sm text-ink">
              <span className="font-medium text-warning">{t.analyse.warning}: </span>
              {t.analyse.warnings[code]?.(rate(file.sample_rate_hz), rate(analysis.sample_rate_hz)) ?? message}
            </li>
          ))}
        </ul>
      )}
      <Facts facts={facts} />
    </section>
  );
}
