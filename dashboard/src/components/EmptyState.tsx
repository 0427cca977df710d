// What a page or panel says where there is nothing yet: what, and how to fill it.
import type { ReactNode } from "react";

interface Props {
  title: string;
  children?: ReactNode;
}

export function EmptyState({ title, children }: Props) {
  return (
    <div className="flex flex-col items-center gap-1.5 px-4 py-8 text-center">
      <p className="font-medium text-soft">{title}</p>
      {children && <div className="max-w-prose text-sm text-faint">{children}</div>}
    </div>
  );
}
