// The keys of the review, in a dialogue that they open themselves.
import { useEffect, useRef } from "react";
import { useMessages } from "@/i18n";

export function KeyHelp({ onClose }: { onClose: () => void }) {
  const t = useMessages();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const keys = [
    ["J", t.review.keys.next],
    ["K", t.review.keys.previous],
    [t.review.keys.space, t.review.keys.play],
    ["A", t.review.keys.a],
    ["B", t.review.keys.b],
    ["D", t.review.keys.difference],
    ["L", t.review.keys.loop],
    ["C", t.review.keys.confirmed],
    ["F", t.review.keys.false_alarm],
    ["E", t.review.keys.expected],
    ["U", t.review.keys.undo],
    ["X", t.review.keys.select],
    ["?", t.review.keys.help],
  ] as const;
  return (
    <dialog ref={dialog} aria-label={t.review.keys.title} onClose={onClose} className="panel m-auto w-80 max-w-[calc(100vw-2rem)] p-4 text-ink backdrop:bg-[rgb(0_0_0/0.5)]">
      <h2 className="mb-2 font-semibold">{t.review.keys.title}</h2>
      <dl className="grid grid-cols-[auto_1fr] items-center gap-x-3 gap-y-1.5 text-sm">
        {keys.map(([key, what]) => (
          <div key={key} className="contents">
            <dt>
              <kbd className="key">{key}</kbd>
            </dt>
            <dd className="text-soft">{what}</dd>
          </div>
        ))}
      </dl>
      <form method="dialog" className="mt-3">
        <button type="submit" className="button">
          {t.review.keys.close}
        </button>
      </form>
    </dialog>
  );
}
