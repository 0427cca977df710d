// The state of a self-check as a shape, readable without colour: tick, triangle, diamond, dashes.
import type { ReactNode } from "react";
import type { CheckState } from "@/api/types";

export const CHECK_TEXT: Record<CheckState, string> = {
  ok: "text-soft",
  warning: "text-warning",
  failed: "text-fault",
  unknown: "text-faint",
};

const SHAPE: Record<CheckState, ReactNode> = {
  ok: (
    <>
      <circle cx="12" cy="12" r="9" />
      <path d="m8 12.2 2.8 2.8L16 9.6" />
    </>
  ),
  warning: (
    <>
      <path d="M12 3.5 21.5 20h-19Z" />
      <path d="M12 10v4.6m0 2.6v.2" />
    </>
  ),
  failed: (
    <>
      <path d="M12 1.8 22.2 12 12 22.2 1.8 12Z" fill="currentColor" stroke="none" />
      <path d="m9 9 6 6m0-6-6 6" stroke="var(--surface)" strokeWidth="2.2" />
    </>
  ),
  unknown: <circle cx="12" cy="12" r="9" strokeDasharray="1.5 3.2" />,
};

export function CheckGlyph({ state, size = 16 }: { state: CheckState; size?: number }) {
  return (
    <svg aria-hidden width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.9" strokeLinecap="round" strokeLinejoin="round" className={`shrink-0 ${CHECK_TEXT[state]}`}>
      {SHAPE[state]}
    </svg>
  );
}
