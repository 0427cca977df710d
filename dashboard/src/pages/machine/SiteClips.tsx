// The same switch for a whole site: it holds for the sensors that have no word of their own.
import { useState } from "react";
import { type ClipPermission, useChangeSitePermission } from "@/api/clips";
import { explain } from "@/components/ErrorState";
import { NeedsRole } from "@/components/NeedsRole";
import { useMessages } from "@/i18n";

const CHOICES = ["source", "on", "off"] as const;
type Choice = (typeof CHOICES)[number];
const VALUE: Record<Choice, boolean | null> = { source: null, on: true, off: false };

export function SiteClips({ permission }: { permission: ClipPermission }) {
  const t = useMessages();
  const change = useChangeSitePermission(permission.site_id);
  const [asking, setAsking] = useState(false);
  const current: Choice = permission.site === null ? "source" : permission.site ? "on" : "off";
  const set = (choice: Choice) => {
    setAsking(false);
    change.mutate(VALUE[choice]);
  };
  return (
    <div className="mt-2 flex flex-col gap-2 text-sm">
      <NeedsRole role="administrator" instead="disabled">
        <label className="flex flex-col gap-1">
          <span className="text-soft">{t.clips.site.label(permission.site_name)}</span>
          <select
            className="field"
            value={asking ? "on" : current}
            onChange={(event) => {
              const choice = CHOICES.find((each) => each === event.target.value) ?? "source";
              if (choice === "on") setAsking(true);
              else set(choice);
            }}
          >
            {CHOICES.map((choice) => (
              <option key={choice} value={choice}>
                {t.clips.site[choice]}
              </option>
            ))}
          </select>
        </label>
      </NeedsRole>
      {asking && (
        <div role="alert" className="rounded-md bg-warning-wash p-3 text-warning">
          <p>
            <span aria-hidden>▲ </span>
            {t.clips.site.speech}
          </p>
          <div className="mt-2 flex flex-wrap gap-2">
            <button type="button" className="button button-primary" onClick={() => set("on")}>
              {t.clips.confirm}
            </button>
            <button type="button" className="button" onClick={() => setAsking(false)}>
              {t.clips.cancel}
            </button>
          </div>
        </div>
      )}
      {permission.sensor !== null && <p className="text-xs text-faint">{t.clips.site.ownWord}</p>}
      {change.isError && (
        <p role="alert" className="text-alarm">
          {explain(change.error, t)}
        </p>
      )}
    </div>
  );
}
