// Charts, spectrograms, sparklines and the player, with data, with gaps, with nothing.
import { ClipPlayer } from "@/components/ClipPlayer";
import { Chart } from "@/components/Chart";
import { ChartFrame } from "@/components/ChartFrame";
import { ChartPanel } from "@/components/ChartPanel";
import { ChartTable } from "@/components/ChartTable";
import { Sparkline } from "@/components/Sparkline";
import { Spectrogram } from "@/components/Spectrogram";
import { SEQUENTIAL } from "@/lib/colour-map";
import { type DeckState, SoundDeck } from "@/lib/sound-deck";
import { encodeWav } from "@/lib/wav";
import { NOW_US } from "./answers";
import type { Group } from "./gallery";

const POINTS = 240;
const STEP_S = 15;
const END_S = NOW_US / 1e6;
const TIMES = Array.from({ length: POINTS }, (_, index) => END_S - (POINTS - index) * STEP_S);
const RANGE = [TIMES[0] ?? 0, END_S] as const;
const level = (index: number) => -38 + 3 * Math.sin(index / 17) + Math.sin(index * 1.7);
const LEVELS = TIMES.map((_, index) => level(index));
const BROKEN = LEVELS.map((value, index) => (index > 90 && index < 140 ? null : value));
const line = (values: readonly (number | null)[]) => [{ label: "Level", color: "--chart-1", values }];
const RANGED = [{ label: "Mean", color: "--chart-2", values: LEVELS, range: { low: LEVELS.map((value) => value - 4), high: LEVELS.map((value) => value + 5) } }];
const SPANS = [
  { fromS: TIMES[60] ?? 0, toS: TIMES[90] ?? 0, open: false, kind: "event" as const },
  { fromS: TIMES[150] ?? 0, toS: TIMES[180] ?? 0, open: false, kind: "maintenance" as const },
];
const MARKS = [{ atS: TIMES[30] ?? 0, kind: "model" as const, text: "3" }, { atS: TIMES[200] ?? 0, kind: "note" as const, text: "Oil changed" }];
const chart = { timeS: TIMES, range: RANGE, unit: "dBFS", digits: 1, syncKey: "components" };

const COLUMNS = 160;
const ROWS = 48;
/** A steady tone with a knock every second over noise that falls with frequency, dB. */
const PICTURE = Float32Array.from({ length: COLUMNS * ROWS }, (_, index) => {
  const [column, row] = [Math.floor(index / ROWS), index % ROWS];
  const knock = column % 20 < 3 ? 24 * Math.exp(-(((row - 34) / 5) ** 2)) : 0;
  return -50 - row * 0.5 + (row === 12 ? 26 : 0) + knock + 2 * Math.sin(index * 12.9898);
});
const holed = PICTURE.map((value, index) => (Math.floor(index / ROWS) > 100 && Math.floor(index / ROWS) < 125 ? Number.NaN : value));
const GREY = new Uint8ClampedArray(Array.from({ length: 256 }, (_, value) => [value, value, value, 255]).flat());

const RATE_HZ = 16_000;
const tone = async () => encodeWav([Float32Array.from({ length: 2 * RATE_HZ }, (_, index) => 0.2 * Math.sin((2 * Math.PI * 220 * index) / RATE_HZ))], RATE_HZ).arrayBuffer();

/** A player that shows one of its states and stays in it; without one it plays. */
function posed(pose?: Partial<DeckState>): SoundDeck {
  const deck = new SoundDeck(tone);
  deck.insert({ a: { id: "tone", durationS: 2, matchDb: 0 } });
  if (!pose) return deck;
  const shown = { ...deck.snapshot(), ...pose };
  return Object.assign(deck, { snapshot: () => shown });
}

const hour = TIMES.map((at) => at * 1e6);

export const CHARTS: Group = {
  id: "charts",
  title: "Charts and sound",
  entries: [
    {
      components: [ChartPanel, Chart, ChartFrame],
      name: "Chart",
      states: {
        data: <ChartPanel title="Level" {...chart} series={line(LEVELS)} />,
        "a band from lowest to highest": <ChartPanel title="Level, hours" {...chart} series={RANGED} />,
        "several lines": <ChartPanel title="Two lines" {...chart} series={[...line(LEVELS), { label: "Yesterday", color: "--chart-compare", values: LEVELS.map((value) => value - 5), dashed: true }]} />,
        "events, maintenance, marks": <ChartPanel title="With spans" {...chart} series={line(LEVELS)} spans={SPANS} marks={MARKS} />,
        gaps: <ChartPanel title="With a gap" {...chart} series={line(BROKEN)} />,
        empty: <ChartPanel title="Nothing heard" {...chart} timeS={[]} series={line([])} />,
      },
    },
    { components: [ChartTable], states: { table: <ChartTable title="Level as a table" timeS={TIMES.slice(0, 40)} columns={[{ name: "Level", values: BROKEN.slice(70, 110) }]} unit="dBFS" digits={1} /> } },
    {
      components: [Sparkline],
      states: {
        "with its threshold": <Sparkline timeUs={hour} values={LEVELS} threshold={-34} label="Last hour, highest −34 dBFS" />,
        gaps: <Sparkline timeUs={hour} values={BROKEN} label="Last hour with a gap" />,
        compact: <Sparkline timeUs={hour} values={LEVELS} label="Last hour, compact" compact />,
        empty: <Sparkline timeUs={[]} values={[]} label="Nothing heard in the last hour" />,
      },
    },
    {
      components: [Spectrogram],
      states: {
        data: <Spectrogram matrix={PICTURE} columns={COLUMNS} rows={ROWS} range={[-75, -20]} label="A tone with knocks" className="h-40" />,
        gaps: <Spectrogram matrix={holed} columns={COLUMNS} rows={ROWS} range={[-75, -20]} map={SEQUENTIAL} label="A tone with a gap" className="h-40" />,
        "few columns, another map": <Spectrogram matrix={PICTURE.slice(0, 12 * ROWS)} columns={12} rows={ROWS} range={[-75, -20]} map={GREY} pixelated label="Twelve columns" className="h-40" />,
        empty: <Spectrogram matrix={new Float32Array()} columns={0} rows={0} range={[-75, -20]} label="No picture" className="h-40 border border-line" />,
      },
    },
    {
      components: [ClipPlayer],
      states: {
        "plays a tone": <ClipPlayer deck={posed()} />,
        playing: <ClipPlayer deck={posed({ playing: true, gainDb: 6, loop: false, speed: 0.5 })} />,
        loading: <ClipPlayer deck={posed({ playing: true, loading: true })} />,
        failed: <ClipPlayer deck={posed({ failed: true })} />,
      },
    },
  ],
};
