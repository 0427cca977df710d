// Event, normal sound, or how they differ: what is shown, and of the first two what is heard.
import { useMessages } from "@/i18n";
import type { View } from "./CardSound";

const KEY: Record<View, string> = { a: "A", b: "B", difference: "D" };

export function ViewSwitch({ view, onView, hasNormal }: { view: View; onView: (view: View) => void; hasNormal: boolean }) {
  const t = useMessages();
  const names: Record<View, string> = { a: t.review.sound.event, b: t.review.sound.normal, difference: t.review.sound.difference };
  return (
    <div role="group" aria-label={t.review.sound.view} className="grid grid-cols-3 gap-1 sm:flex">
      {(["a", "b", "difference"] as const).map((each) => (
        <button
          key={each}
          type="button"
          aria-pressed={view === each}
          aria-keyshortcuts={KEY[each]}
          disabled={each !== "a" && !hasNormal}
          onClick={() => onView(each)}
          className={`button cursor-pointer px-2! disabled:cursor-not-allowed! ${view === each ? "border-accent bg-accent-wash" : ""}`}
        >
          <span className={view === each ? "underline decoration-accent decoration-2 underline-offset-4" : ""}>{names[each]}</span>
          <kbd aria-hidden className="key hidden [@media(hover:hover)]:inline">
            {KEY[each]}
          </kbd>
        </button>
      ))}
    </div>
  );
}
