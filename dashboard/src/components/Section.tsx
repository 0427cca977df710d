// A part of a page that can be folded; this browser remembers, and a link to it opens it.
import { useRouterState } from "@tanstack/react-router";
import { type ReactNode, useEffect, useId } from "react";
import { usePreference } from "@/lib/preferences";
import { ChevronIcon } from "./icons";

const STATES = ["open", "folded"] as const;

interface Props {
  /** Its name in links, after the #. */
  id: string;
  title: string;
  /** What can be seen of it while it is folded. */
  badge?: ReactNode;
  folded?: boolean;
  children: ReactNode;
}

export function Section({ id, title, badge, folded = false, children }: Props) {
  const content = useId();
  const [state, setState] = usePreference(`section.${id}`, STATES, folded ? "folded" : "open");
  const linked = useRouterState({ select: ({ location }) => location.hash === id });
  const isOpen = state === "open";
  useEffect(() => {
    if (linked) setState("open");
    // Once, when the link is followed: it can be folded again.
    // eslint-disable-next-line react-hooks/exhaustive-deps -- setState is new each time
  }, [linked]);
  return (
    <section id={id} className="panel scroll-mt-16 p-4" aria-label={title} data-section={id}>
      <div className="flex flex-wrap items-center justify-between gap-x-3">
        <h2 className="font-semibold">
          <button
            type="button"
            aria-expanded={isOpen}
            aria-controls={content}
            className="-m-1 -ml-1.5 inline-flex min-h-8 items-center gap-1 rounded p-1 text-left"
            onClick={() => setState(isOpen ? "folded" : "open")}
          >
            <span aria-hidden className={isOpen ? "-rotate-90" : "rotate-180"}>
              <ChevronIcon />
            </span>
            {title}
          </button>
        </h2>
        {badge && <span className="min-w-0 text-sm">{badge}</span>}
      </div>
      <div id={content} hidden={!isOpen}>
        {isOpen && <div className="pt-2">{children}</div>}
      </div>
    </section>
  );
}
