// One chart for every numeric key of the sandbox's rows.
import { useMemo } from "react";
import type { SandboxRow } from "@/api/developer";
import { ChartPanel } from "@/components/ChartPanel";
import type { ChartSeries } from "@/components/chart-data";
import { useMessages } from "@/i18n";
import type { Messages } from "@/i18n/en";
import { timestampUs } from "@/lib/timestamp";

const BANDS = ["0–500 Hz", "500–1000 Hz", "1–4 kHz", "4–8 kHz", "8–12 kHz"];

interface Panel {
  key: keyof Messages["developer"]["chart"];
  unit: string;
  digits: number;
  series: ChartSeries[];
}

function panels(rows: readonly SandboxRow[], t: Messages): Panel[] {
  const one = (key: Exclude<Panel["key"], "band_levels">, unit: string, digits: number, color: string): Panel => ({
    key,
    unit,
    digits,
    series: [{ label: t.developer.chart[key], color, values: rows.map((row) => row[key]) }],
  });
  const score = one("model_score", "", 3, "--chart-1");
  return [
    one("rms_db", t.unit.db, 1, "--chart-1"),
    one("dominant_freq_hz", t.unit.hz, 0, "--chart-2"),
    one("snr_db", t.unit.db, 1, "--chart-3"),
    one("flatness", "", 3, "--chart-4"),
    {
      key: "band_levels",
      unit: t.unit.db,
      digits: 1,
      series: BANDS.map((label, band) => ({
        label,
        color: `--chart-${band + 1}`,
        values: rows.map((row) => row.band_levels[band] ?? null),
      })),
    },
    {
      ...score,
      series: [
        { label: t.developer.score, color: "--chart-1", values: rows.map((row) => row.model_score) },
        { label: t.developer.threshold, color: "--alarm", values: rows.map((row) => row.model_threshold), dashed: true },
      ],
    },
    one("model_margin", "", 3, "--chart-5"),
  ];
}

export function SandboxCharts({ rows }: { rows: readonly SandboxRow[] }) {
  const t = useMessages();
  const timeS = useMemo(() => rows.map((row) => timestampUs(row.timestamp) / 1e6), [rows]);
  const all = useMemo(() => panels(rows, t), [rows, t]);
  const rangeS = useMemo(() => [timeS[0] ?? 0, timeS.at(-1) ?? 1] as const, [timeS]);
  return (
    <div className="grid gap-3 lg:grid-cols-2">
      {all.map(({ key, ...panel }) => (
        <ChartPanel key={key} {...panel} title={t.developer.chart[key]} timeS={timeS} range={rangeS} syncKey="sandbox" height={160} />
      ))}
    </div>
  );
}
