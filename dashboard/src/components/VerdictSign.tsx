// A verdict as a shape that is told apart without colour: a spanner's cross, a struck bell, a calendar's tick.
import type { Verdict } from "@/api/reviews";

const SHAPES: Record<Verdict, { tone: string; path: string }> = {
  confirmed: { tone: "text-alarm", path: "M7.6 3h8.8L21 7.6v8.8L16.4 21H7.6L3 16.4V7.6ZM12 7.5v6m0 3v.2" },
  false_alarm: { tone: "text-soft", path: "M6 17h12l-1.5-3v-3.5a4.5 4.5 0 0 0-9 0V14ZM10.5 20h3M4 4l16 16" },
  expected: { tone: "text-accent", path: "M4 5.5h16v15H4ZM4 10h16M8.5 3v4m7-4v4m-6.5 8 2.2 2.2 4-4.2" },
};

export function VerdictSign({ verdict, plain = false }: { verdict: Verdict; plain?: boolean }) {
  const { tone, path } = SHAPES[verdict];
  return (
    <svg aria-hidden width="18" height="18" viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.9" strokeLinecap="round" strokeLinejoin="round" className={`shrink-0 ${plain ? "" : tone}`}>
      <path d={path} />
    </svg>
  );
}
