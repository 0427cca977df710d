// What can be done with an analysis: its link, sending the recording for another machine, deleting it.
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { type Analysis, useDeleteAnalysis } from "@/api/analyses";
import { Copy } from "@/components/Copy";
import { explain } from "@/components/ErrorState";
import { useMessages } from "@/i18n";
import { Ask } from "@/components/Ask";

export function AnalysisActions({ analysis }: { analysis: Analysis }) {
  const t = useMessages();
  const navigate = useNavigate();
  const [asking, setAsking] = useState(false);
  const remove = useDeleteAnalysis();
  const yes = () => {
    setAsking(false);
    remove.mutate(analysis.id, { onSuccess: () => void navigate({ to: "/analyse" }) });
  };
  return (
    <div className="flex flex-col gap-2 print:hidden">
      <div className="flex flex-wrap items-center gap-2">
        <span className="inline-flex items-center text-sm text-soft">
          {t.analyse.link}
          <Copy text={window.location.href} label={t.analyse.copyLink} />
        </span>
        {analysis.yours && (
          <button type="button" className="button button-danger" disabled={remove.isPending} onClick={() => setAsking(true)}>
            {t.analyse.delete}
          </button>
        )}
      </div>
      {asking && (
        <Ask label={t.analyse.delete} yes={t.analyse.delete} onYes={yes} onNo={() => setAsking(false)}>
          <p>{t.analyse.deleteAsk}</p>
        </Ask>
      )}
      {remove.isError && (
        <p role="alert" className="text-sm text-alarm">
          {explain(remove.error, t)}
        </p>
      )}
    </div>
  );
}
