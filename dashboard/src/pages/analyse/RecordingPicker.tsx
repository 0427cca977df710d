// Where recordings are dropped, chosen, or made with a phone; and which machine they are to be scored for.
import { useNavigate } from "@tanstack/react-router";
import { type ChangeEvent, type DragEvent, useId, useRef, useState } from "react";
import { useRefreshAnalyses } from "@/api/analyses";
import { useMessages } from "@/i18n";
import { recordingQueue } from "./queue";
import { SensorSelect } from "./SensorSelect";

const MOST_CHANNELS = 1_024;

export function RecordingPicker() {
  const t = useMessages();
  const ids = useId();
  const files = useRef<HTMLInputElement>(null);
  const recorder = useRef<HTMLInputElement>(null);
  const [sensorId, setSensorId] = useState("");
  const [channel, setChannel] = useState("1");
  const [over, setOver] = useState(false);
  const add = useAdd();
  const take = (list: FileList | null) => {
    const number = Math.min(MOST_CHANNELS, Math.max(1, Math.trunc(Number(channel)) || 1));
    if (list && list.length > 0) add([...list], { sensorId: sensorId || null, channel: number - 1 });
  };
  const chosen = (event: ChangeEvent<HTMLInputElement>) => {
    take(event.target.files);
    // The same file can be chosen again.
    event.target.value = "";
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    take(event.dataTransfer.files);
  };
  return (
    <section aria-label={t.analyse.choose} className="panel p-4">
      <div className="mb-3 flex flex-wrap gap-x-4 gap-y-3">
        <label htmlFor={`${ids}-sensor`} className="flex min-w-0 flex-1 basis-60 flex-col gap-1">
          <span className="label">{t.analyse.machine}</span>
          <SensorSelect id={`${ids}-sensor`} value={sensorId} none={t.analyse.noMachine} onChoose={setSensorId} />
        </label>
        <label htmlFor={`${ids}-channel`} className="flex flex-col gap-1">
          <span className="label">{t.analyse.channel}</span>
          <input
            id={`${ids}-channel`}
            type="number"
            min={1}
            max={MOST_CHANNELS}
            className="field w-24"
            value={channel}
            onChange={(event) => setChannel(event.target.value)}
          />
        </label>
      </div>
      <div
        data-dropzone
        className={`flex flex-col items-center gap-3 rounded-md border-2 border-dashed px-4 py-8 text-center ${over ? "border-accent bg-accent-wash" : "border-line-strong"}`}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={drop}
      >
        <p className="font-medium max-sm:hidden">{t.analyse.drop}</p>
        <div className="flex flex-wrap justify-center gap-2">
          <button type="button" className="button button-primary" onClick={() => files.current?.click()}>
            {t.analyse.chooseFiles}
          </button>
          <button type="button" className="button hidden pointer-coarse:inline-flex" onClick={() => recorder.current?.click()}>
            {t.analyse.record}
          </button>
        </div>
        <p className="max-w-prose text-sm text-faint">{t.analyse.formats}</p>
      </div>
      <input ref={files} type="file" multiple hidden accept="audio/*,.wav,.flac,.ogg,.oga,.mp3,.m4a,.aac,.webm" aria-label={t.analyse.chooseFiles} onChange={chosen} />
      <input ref={recorder} type="file" hidden accept="audio/*" capture aria-label={t.analyse.record} onChange={chosen} />
    </section>
  );
}

/** A single recording is shown as soon as it is analysed; of several each has its link. */
function useAdd(): typeof recordingQueue.add {
  const navigate = useNavigate();
  const refresh = useRefreshAnalyses();
  return (list, purpose) => {
    const keys = recordingQueue.add(list, purpose);
    const open = new Set(keys);
    const stop = recordingQueue.subscribe(() => {
      for (const key of open) {
        const job = recordingQueue.snapshot().find((each) => each.key === key);
        if (job && job.step !== "done") continue;
        open.delete(key);
        if (!job?.analysis) continue;
        refresh();
        const here = window.location.pathname.endsWith("/analyse");
        if (keys.length === 1 && here) void navigate({ to: "/analyse/$analysisId", params: { analysisId: job.analysis.id } });
      }
      if (open.size === 0) stop();
    });
    return keys;
  };
}
