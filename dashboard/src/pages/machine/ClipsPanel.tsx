// Whether a sensor's sound is kept as clips: the switch, what it means for people nearby, and who used it.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type ClipPermission, permissionQuery, useChangePermission } from "@/api/clips";
import type { SensorDetail } from "@/api/types";
import { ErrorState, explain } from "@/components/ErrorState";
import { NeedsRole } from "@/components/NeedsRole";
import { Section } from "@/components/Section";
import { SoundLog } from "@/components/SoundLog";
import { useMessages } from "@/i18n";
import type { Messages } from "@/i18n/en";
import { SiteClips } from "./SiteClips";

export function ClipsPanel({ sensor }: { sensor: SensorDetail }) {
  const t = useMessages();
  const permission = useQuery(permissionQuery(sensor.id));
  return (
    <Section id="sound" title={t.clips.title} folded>
      <div data-clips={permission.data?.allowed}>
        {permission.isError && !permission.data && (
          <ErrorState error={permission.error} onRetry={() => void permission.refetch()} />
        )}
        {permission.data && <Switch permission={permission.data} />}
        {permission.data && (
          <details className="mt-3 border-t border-line pt-2">
            <summary className="text-sm text-soft">{t.clips.site.summary}</summary>
            <SiteClips permission={permission.data} />
          </details>
        )}
        <details className="mt-3 border-t border-line pt-2">
          <summary className="text-sm text-soft">{t.clips.log}</summary>
          <div className="mt-2">
            <SoundLog of={{ sensor: sensor.id }} empty={t.clips.logEmpty} />
          </div>
        </details>
      </div>
    </Section>
  );
}

function Switch({ permission }: { permission: ClipPermission }) {
  const t = useMessages();
  const change = useChangePermission(permission.sensor_id);
  const [asking, setAsking] = useState(false);
  const { allowed, may_hear_speech: mayHearSpeech } = permission;
  const set = (wanted: boolean) => {
    setAsking(false);
    change.mutate(wanted);
  };
  return (
    <>
      <NeedsRole role="administrator" instead="disabled">
        <label className="flex min-h-8 items-center gap-2 text-sm">
          <input
            type="checkbox"
            role="switch"
            className="size-4"
            checked={allowed}
            onChange={(event) => {
              if (!event.target.checked) set(false);
              else if (mayHearSpeech) setAsking(true);
              else set(true);
            }}
          />
          {t.clips.keep}
        </label>
      </NeedsRole>
      <p className="text-xs text-faint">{whoSays(permission, t)}</p>
      <p className="mt-2 text-sm text-soft">{allowed ? t.clips.on : t.clips.off}</p>
      {mayHearSpeech && (allowed || asking) && (
        <div className="mt-2 rounded-md bg-warning-wash p-3 text-sm text-warning" role={asking ? "alert" : undefined}>
          <p>
            <span aria-hidden>▲ </span>
            {t.clips.speech}
          </p>
          <p className="mt-1">{t.clips.speechLog}</p>
          {asking && (
            <div className="mt-2 flex flex-wrap gap-2">
              <button type="button" className="button button-primary" onClick={() => set(true)}>
                {t.clips.confirm}
              </button>
              <button type="button" className="button" onClick={() => setAsking(false)}>
                {t.clips.cancel}
              </button>
            </div>
          )}
        </div>
      )}
      {change.isSuccess && !asking && (
        <p role="status" className="mt-2 text-sm text-soft">
          {t.clips.saved}
        </p>
      )}
      {change.isError && (
        <p role="alert" className="mt-2 text-sm text-alarm">
          {explain(change.error, t)}
        </p>
      )}
    </>
  );
}

function whoSays(permission: ClipPermission, t: Messages): string {
  if (permission.origin === "sensor") return t.clips.origin.sensor;
  if (permission.origin === "site") return t.clips.origin.site(permission.site_name);
  return permission.may_hear_speech ? t.clips.origin.microphone : t.clips.origin.other;
}
