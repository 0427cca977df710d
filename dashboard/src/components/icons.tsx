// Line icons of the frame, 18 px, drawn in the colour of the text.
import type { ReactNode } from "react";

function Icon({ children }: { children: ReactNode }) {
  return (
    <svg aria-hidden width="18" height="18" viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.8" strokeLinecap="round" strokeLinejoin="round">
      {children}
    </svg>
  );
}

export function Logo() {
  return (
    <svg aria-hidden width="24" height="24" viewBox="0 0 32 32">
      <rect width="32" height="32" rx="7" fill="#1d2a31" />
      <path d="M6 16h3l3-8 5 17 4-13 2 4h3" fill="none" stroke="#7fd1c7" strokeWidth="2.6" strokeLinecap="round" strokeLinejoin="round" />
    </svg>
  );
}

export const SunIcon = () => (
  <Icon>
    <circle cx="12" cy="12" r="4" />
    <path d="M12 3v2m0 14v2M3 12h2m14 0h2M5.6 5.6 7 7m10 10 1.4 1.4M18.4 5.6 17 7M7 17l-1.4 1.4" />
  </Icon>
);
export const MoonIcon = () => (
  <Icon>
    <path d="M20 14.5A8 8 0 0 1 9.5 4 8 8 0 1 0 20 14.5Z" />
  </Icon>
);
export const SystemIcon = () => (
  <Icon>
    <circle cx="12" cy="12" r="8" />
    <path d="M12 4a8 8 0 0 1 0 16Z" fill="currentColor" stroke="none" />
  </Icon>
);
export const ContrastIcon = () => (
  <Icon>
    <circle cx="12" cy="12" r="8.5" strokeWidth="2.6" />
    <path d="M12 7v10M7 12h10" strokeWidth="2.6" />
  </Icon>
);
export const CardsIcon = () => (
  <Icon>
    <rect x="4" y="4" width="7" height="7" rx="1.5" />
    <rect x="13" y="4" width="7" height="7" rx="1.5" />
    <rect x="4" y="13" width="7" height="7" rx="1.5" />
    <rect x="13" y="13" width="7" height="7" rx="1.5" />
  </Icon>
);
export const TableIcon = () => (
  <Icon>
    <path d="M4 6h16M4 12h16M4 18h16" />
  </Icon>
);
export const CodeIcon = () => (
  <Icon>
    <path d="m8 7-5 5 5 5m8-10 5 5-5 5" />
  </Icon>
);
export const AgentsIcon = () => (
  <Icon>
    <rect x="4" y="5" width="16" height="6" rx="1.5" />
    <rect x="4" y="13" width="16" height="6" rx="1.5" />
    <path d="M8 8h.1M8 16h.1" />
  </Icon>
);
export const ReviewIcon = () => (
  <Icon>
    <path d="M4 12h2l2-5 3 10 2.5-7 1.5 2" />
    <path d="m15 17 2 2 4-4.5" />
  </Icon>
);
/** For the pages Models and Analyse. */
export const ModelsIcon = () => (
  <Icon>
    <circle cx="6" cy="7" r="2.4" />
    <circle cx="6" cy="17" r="2.4" />
    <circle cx="18" cy="12" r="2.4" />
    <path d="m8.2 8 7.6 3M8.2 16l7.6-3" />
  </Icon>
);
export const AnalyseIcon = () => (
  <Icon>
    <path d="M4 14v-4m4 7V7m4 5v0" />
    <circle cx="14.5" cy="12" r="5" />
    <path d="m18.2 15.7 3 3" />
  </Icon>
);
export const SettingsIcon = () => (
  <Icon>
    <path d="M4 7h8m5 0h3M4 17h3m5 0h8" />
    <circle cx="14.5" cy="7" r="2.4" />
    <circle cx="9.5" cy="17" r="2.4" />
  </Icon>
);
export const MenuIcon = () => (
  <Icon>
    <path d="M4 7h16M4 12h16M4 17h16" />
  </Icon>
);
export const PlayIcon = () => (
  <Icon>
    <path d="M8 5v14l11-7Z" fill="currentColor" />
  </Icon>
);
export const PauseIcon = () => (
  <Icon>
    <path d="M8 5v14M16 5v14" strokeWidth="4" />
  </Icon>
);
export const LoopIcon = () => (
  <Icon>
    <path d="M17 3l3 3-3 3M4 11V9a3 3 0 0 1 3-3h13M7 21l-3-3 3-3m13-2v2a3 3 0 0 1-3 3H4" />
  </Icon>
);
export const ChevronIcon = () => (
  <Icon>
    <path d="m14 6-6 6 6 6" />
  </Icon>
);
export const CopyIcon = () => (
  <Icon>
    <rect x="9" y="9" width="11" height="11" rx="2" />
    <path d="M5 15H4V5a1 1 0 0 1 1-1h10v1" />
  </Icon>
);
export const CloseIcon = () => (
  <Icon>
    <path d="m6 6 12 12M18 6 6 18" />
  </Icon>
);

export function UserIcon() {
  return (
    <Icon>
      <circle cx="12" cy="8" r="4" />
      <path d="M4 20c1.5-4 4.5-6 8-6s6.5 2 8 6" />
    </Icon>
  );
}

export function SignOutIcon() {
  return (
    <Icon>
      <path d="M10 4H5v16h5M14 8l4 4-4 4M18 12H9" />
    </Icon>
  );
}

export function PlusIcon() {
  return (
    <Icon>
      <path d="M12 5v14M5 12h14" />
    </Icon>
  );
}

export function MinusIcon() {
  return (
    <Icon>
      <path d="M5 12h14" />
    </Icon>
  );
}

export function ArrowIcon({ way }: { way: "left" | "right" }) {
  return (
    <Icon>
      <path d={way === "left" ? "M19 12H5m6-6-6 6 6 6" : "M5 12h14m-6-6 6 6-6 6"} />
    </Icon>
  );
}

export function NoteIcon() {
  return (
    <svg aria-hidden width="16" height="16" viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.8" strokeLinejoin="round" className="text-soft">
      <path d="M6 22V3l13 4.5L6 12" />
    </svg>
  );
}
