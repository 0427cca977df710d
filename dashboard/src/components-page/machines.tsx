// What pages about models and agents share.
import type { KindHeard } from "@/api/types";
import { JobBar } from "@/components/model/JobBar";
import { KindsHeard } from "@/components/model/KindsHeard";
import { JobState, TrainForm } from "@/components/model/TrainForm";
import { SoundLog } from "@/components/SoundLog";
import { As, ID } from "./answers";
import type { Group } from "./gallery";

const LEVELS_DB = [-12, -9, -6, -3, 0, 3, 6];
const kind = (name: string, from: number | null): KindHeard => ({
  kind: name,
  heard_from_db: from,
  levels: LEVELS_DB.map((level) => ({ level_db: level, probes: 24, share: from !== null && level >= from ? 1 : 0.1 })),
});

export const MODELS: Group = {
  id: "models",
  title: "Models and logs",
  entries: [
    {
      components: [TrainForm],
      states: { folded: <As><TrainForm sensorId={ID} budget={0.5} /></As>, "not for viewers": <As role="viewer"><TrainForm sensorId={ID} budget={0.5} /></As> },
    },
    { components: [JobState], states: { "at work": <JobState jobId={1} />, done: <JobState jobId={2} />, failed: <JobState jobId={3} /> } },
    { components: [JobBar], states: { begun: <JobBar job={{ progress: 0.05, step: "reading" }} label="Training" />, "nearly done": <JobBar job={{ progress: 0.9, step: "signing" }} label="Training" /> } },
    { components: [KindsHeard], states: { "some are heard": <KindsHeard rateHz={48_000} kinds={[kind("level", -6), kind("impacts", 3), kind("tone", null)]} /> } },
    {
      components: [SoundLog],
      states: {
        entries: <SoundLog of={{ clip: "heard" }} empty="Nobody has listened." />,
        empty: <SoundLog of={{ clip: "none" }} empty="Nobody has listened." />,
        "not for viewers": <As role="viewer"><SoundLog of={{ clip: "heard" }} empty="" /></As>,
      },
    },
  ],
};
