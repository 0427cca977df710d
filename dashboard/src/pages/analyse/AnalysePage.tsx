// Analysing recordings: choose or drop files, follow them, and find what was analysed before.
import { NeedsRole } from "@/components/NeedsRole";
import { useMessages } from "@/i18n";
import { RecordingPicker } from "./RecordingPicker";
import { RecordingJobs } from "./RecordingJobs";
import { StoredAnalyses } from "./StoredAnalyses";

export function AnalysePage() {
  const t = useMessages();
  return (
    <>
      <title>{`${t.analyse.title} · ${t.app.name}`}</title>
      <h1 className="text-xl font-semibold tracking-tight">{t.analyse.title}</h1>
      <p className="mb-4 max-w-3xl text-sm text-faint">{t.analyse.lead}</p>
      <div className="flex flex-col gap-4">
        <NeedsRole role="operator" instead="reason">
          <RecordingPicker />
        </NeedsRole>
        <RecordingJobs />
        <StoredAnalyses />
      </div>
    </>
  );
}
