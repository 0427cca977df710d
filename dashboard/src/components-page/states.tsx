// States of machines, sensors, checks, verdicts and models: by shape, glyph and word.
import type { Check, CheckState, Reason, State } from "@/api/types";
import type { Verdict, VerdictOut } from "@/api/reviews";
import { CheckGlyph } from "@/components/CheckGlyph";
import { Checks } from "@/components/Checks";
import { LearningBar } from "@/components/LearningBar";
import { LevelMeter } from "@/components/LevelMeter";
import { Reasons } from "@/components/Reasons";
import { SensorHealth } from "@/components/SensorHealth";
import { StatusBadge } from "@/components/StatusBadge";
import { StatusGlyph } from "@/components/StatusGlyph";
import { TimeAgo } from "@/components/TimeAgo";
import { VerdictLine } from "@/components/VerdictLine";
import { VerdictSign } from "@/components/VerdictSign";
import { STATES_BY_NEED } from "@/lib/status";
import { MINUTE_US, NOW_US } from "./answers";
import type { Group } from "./gallery";

const of = <Key extends string, Drawn>(keys: readonly Key[], draw: (key: Key) => Drawn) => Object.fromEntries(keys.map((key) => [key, draw(key)]));
const CHECK_STATES: readonly CheckState[] = ["ok", "warning", "failed", "unknown"];
const VERDICTS: readonly Verdict[] = ["confirmed", "false_alarm", "expected"];

const check = (key: string, state: CheckState, more: Partial<Check> = {}): Check => ({
  key,
  state,
  cause: null,
  remedy: "",
  evidence: [{ key: "share", value: 0.42, unit: "%" }],
  sensor_id: null,
  since_us: NOW_US - 12 * MINUTE_US,
  told_us: NOW_US,
  ...more,
});
const CHECKS = [
  check("sensor_silent", "failed", { cause: "digital", remedy: "Check the plug and the cable." }),
  check("sensor_clipped", "warning", { remedy: "Lower the input gain." }),
  check("clock", "ok"),
  check("temperature", "unknown"),
];
const REASONS: readonly Reason[] = [
  { key: "band", low_hz: 4000, high_hz: 5000, value: -41, normal: -52, deviation: 9.2, unit: "dB" },
  { key: "crest_factor", feature: "crest_factor", value: 14, normal: 3.2, deviation: 7.5, unit: "" },
];
const verdict = (of: Verdict, cause: VerdictOut["cause"], kept: boolean, comment = ""): VerdictOut => ({ id: 1, verdict: of, cause, kept, comment, actor: "anna", at_us: NOW_US - 90 * MINUTE_US });
const learning = (windows: number) => ({ windows, needed: 720 });

export const STATES: Group = {
  id: "states",
  title: "States",
  entries: [
    { components: [StatusBadge], room: "little", states: { ...of(STATES_BY_NEED, (state) => <StatusBadge state={state} progress={0.6} />), large: <StatusBadge state="alarm" large /> } },
    { components: [StatusGlyph], room: "little", states: of(STATES_BY_NEED, (state: State) => <StatusGlyph state={state} size={32} progress={0.6} />) },
    { components: [SensorHealth], states: { ...of(CHECK_STATES, (state) => <SensorHealth health={{ state }} />), "with what was found": <SensorHealth health={{ state: "failed", key: "sensor_silent", cause: "digital" }} /> } },
    { components: [CheckGlyph], room: "little", states: of(CHECK_STATES, (state) => <CheckGlyph state={state} size={24} />) },
    {
      components: [Checks],
      states: { troubled: <Checks checks={CHECKS} />, good: <Checks checks={CHECKS.slice(2, 3)} />, stale: <Checks checks={CHECKS.slice(0, 1).map((each) => ({ ...each, told_us: NOW_US - 300 * MINUTE_US }))} /> },
    },
    {
      components: [LearningBar],
      states: {
        begun: <LearningBar learning={learning(40)} heuristicFlag={null} windowS={5} />,
        "sounds usual": <LearningBar learning={learning(410)} heuristicFlag={false} windowS={5} />,
        "sounds odd": <LearningBar learning={learning(600)} heuristicFlag windowS={5} />,
        done: <LearningBar learning={learning(720)} heuristicFlag={false} />,
      },
    },
    { components: [LevelMeter], states: { quiet: <LevelMeter dbfs={-71.3} label="Quiet room" />, loud: <LevelMeter dbfs={-6} label="Press" />, "not heard": <LevelMeter dbfs={null} label="New sensor" /> } },
    { components: [Reasons], states: { some: <Reasons reasons={REASONS} />, none: <Reasons reasons={[]} /> } },
    { components: [VerdictSign], room: "little", states: of(VERDICTS, (each) => <VerdictSign verdict={each} />) },
    {
      components: [VerdictLine],
      states: {
        confirmed: <VerdictLine verdict={verdict("confirmed", "bearing", false, "Outer ring, replaced on Friday.")} />,
        "false alarm": <VerdictLine verdict={verdict("false_alarm", "people", true)} />,
        expected: <VerdictLine verdict={verdict("expected", "maintenance", false)} />,
      },
    },
    { components: [TimeAgo], room: "little", states: { now: <TimeAgo us={NOW_US} />, "an hour": <TimeAgo us={NOW_US - 61 * MINUTE_US} />, days: <TimeAgo us={NOW_US - 4000 * MINUTE_US} /> } },
  ],
};
