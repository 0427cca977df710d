// A state as shape plus glyph, readable without colour.
import type { ReactNode } from "react";
import type { State } from "@/api/types";
import { TONE, TONE_TEXT } from "@/lib/status";

interface Props {
  state: State;
  size?: number;
  /** Share of the baseline heard, 0 to 1: the ring of `learning`. */
  progress?: number | undefined;
}

const RING = 2 * Math.PI * 9;

function shape(state: State, progress: number): ReactNode {
  switch (state) {
    case "alarm":
      return (
        <>
          <path d="M12 1.4 21.3 6.7v10.6L12 22.6 2.7 17.3V6.7Z" fill="currentColor" stroke="none" />
          <path d="M12 7v6m0 3.4v.2" stroke="var(--surface)" strokeWidth="2.4" />
        </>
      );
    case "anomalous":
      return (
        <>
          <path d="M12 2.8 22.4 21H1.6Z" fill="currentColor" stroke="none" />
          <path d="M12 9.5v5m0 3.2v.2" stroke="var(--surface)" strokeWidth="2.3" />
        </>
      );
    case "normal":
      return (
        <>
          <circle cx="12" cy="12" r="9" />
          <path d="m8 12.2 2.8 2.8L16 9.6" />
        </>
      );
    case "learning":
      return (
        <>
          <circle cx="12" cy="12" r="9" opacity="0.3" />
          <circle cx="12" cy="12" r="9" transform="rotate(-90 12 12)" strokeDasharray={`${RING * progress} ${RING}`} strokeWidth="3" />
        </>
      );
    case "stopped":
      return (
        <>
          <rect x="3.5" y="3.5" width="17" height="17" rx="2" />
          <path d="M9.5 9v6m5-6v6" />
        </>
      );
    case "invalid":
      return (
        <>
          <path d="M12 1.8 22.2 12 12 22.2 1.8 12Z" fill="currentColor" stroke="none" />
          <path d="m9 9 6 6m0-6-6 6" stroke="var(--surface)" strokeWidth="2.2" />
        </>
      );
    case "offline":
      return (
        <>
          <circle cx="12" cy="12" r="9" strokeDasharray="3.4 2.9" />
          <path d="m6 18 12-12" />
        </>
      );
    case "maintenance":
      return (
        <>
          <rect x="2.5" y="2.5" width="19" height="19" rx="2" fill="currentColor" stroke="none" />
          <path d="M16.5 7.2a3.4 3.4 0 0 0-4.4 4.4l-4.6 4.6 1.6 1.6 4.6-4.6a3.4 3.4 0 0 0 4.3-4.4l-2 2-1.6-.5-.4-1.6Z" fill="var(--surface)" stroke="none" />
        </>
      );
    case "waiting":
      return (
        <>
          <circle cx="12" cy="12" r="9" strokeDasharray="1.5 3.2" />
          <path d="M12 7.5V12l3 2" />
        </>
      );
  }
}

export function StatusGlyph({ state, size = 20, progress = 0 }: Props) {
  return (
    <svg
      aria-hidden
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.9"
      strokeLinecap="round"
      strokeLinejoin="round"
      className={`shrink-0 ${TONE_TEXT[TONE[state]]}`}
    >
      {shape(state, progress)}
    </svg>
  );
}
