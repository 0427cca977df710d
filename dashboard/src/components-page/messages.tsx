// What a page says where there is nothing, nothing yet, something wrong, or something old.
import { type ReactNode, useState } from "react";
import { ApiError } from "@/api/client";
import { LostBar } from "@/app/LiveBanner";
import { ModeBanners } from "@/app/ModeBanners";
import { AddressNote } from "@/components/AddressNote";
import { Ask } from "@/components/Ask";
import { EmptyState } from "@/components/EmptyState";
import { ErrorState, NotFound, PageError } from "@/components/ErrorState";
import { NeedsRole } from "@/components/NeedsRole";
import { Problem } from "@/components/Problem";
import { Skeleton, SkeletonPanels } from "@/components/Skeleton";
import { KeyHelp } from "@/pages/review/KeyHelp";
import { Saved } from "@/pages/review/Saved";
import { As } from "./answers";
import type { Group } from "./gallery";

const nothing = () => undefined;

/** A dialogue covers the page: it opens when it is asked for. */
function Opened({ children }: { children: (close: () => void) => ReactNode }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <button type="button" className="button" onClick={() => setOpen(true)}>
        Open
      </button>
      {isOpen && children(() => setOpen(false))}
    </>
  );
}

export const MESSAGES: Group = {
  id: "messages",
  title: "Messages",
  entries: [
    { components: [EmptyState], states: { "with a hint": <EmptyState title="No events">Nothing sounded wrong in the last week.</EmptyState>, bare: <EmptyState title="No recordings" /> } },
    { components: [SkeletonPanels, Skeleton], name: "Skeleton", states: { line: <Skeleton className="h-4 w-40" />, panels: <div className="grid gap-3"><SkeletonPanels count={2} className="h-12" /></div> } },
    {
      components: [ErrorState],
      states: {
        unreachable: <ErrorState error={new ApiError(0, "")} onRetry={nothing} />,
        "server's fault": <ErrorState error={new ApiError(500, "")} onRetry={nothing} />,
        "not found": <ErrorState error={new ApiError(404, "")} onRetry={nothing} />,
        refused: <ErrorState error={new ApiError(422, "windows is 1, expected 2 to 1000000")} onRetry={nothing} />,
        "too many": <ErrorState error={new ApiError(429, "")} onRetry={nothing} />,
      },
    },
    { components: [PageError], states: { "a page failed": <PageError error={new Error("x is undefined")} reset={nothing} /> } },
    {
      components: [Problem],
      states: { "in use": <Problem error={new ApiError(409, "", "name_taken")} />, unavailable: <Problem error={new ApiError(503, "The database does not answer; it is tried again.")} /> },
    },
    { components: [LostBar], states: { "data is old": <LostBar ageUs={42e6} heard onRetry={nothing} />, "nothing was live": <LostBar ageUs={3 * 3600e6} heard={false} onRetry={nothing} /> }, room: "all" },
    { components: [ModeBanners], states: { demo: <As demo><ModeBanners /></As>, "not encrypted": <As insecure><ModeBanners /></As> }, room: "all" },
    {
      components: [Saved],
      name: "Saved (toast)",
      states: {
        "can be undone": <Saved said="Press 4: confirmed fault, bearing" error={null} mayUndo onUndo={nothing} onClose={nothing} />,
        "only said": <Saved said="Undone: Press 4" error={null} mayUndo={false} onUndo={nothing} onClose={nothing} />,
        failed: <Saved said={null} error={new ApiError(0, "")} mayUndo={false} onUndo={nothing} onClose={nothing} />,
      },
      room: "all",
    },
    {
      components: [Ask],
      name: "Ask (question)",
      states: { "before something is done": <Ask label="Revoke the agent" yes="Revoke" onYes={nothing} onNo={nothing}><p>It is refused from its next request on, and keeps what it hears.</p></Ask> },
    },
    { components: [Opened], name: "Dialogue", states: { "keys of the review": <Opened>{(close) => <KeyHelp onClose={close} />}</Opened> } },
    {
      components: [AddressNote],
      states: { "an address that agents reach": <AddressNote address="https://collector.example:8443" />, "one they do not": <AddressNote address="https://localhost:8443" /> },
    },
    {
      components: [NeedsRole],
      states: {
        may: <As><NeedsRole role="operator"><button type="button" className="button">Train now</button></NeedsRole></As>,
        "may not": <As role="viewer"><NeedsRole role="operator" instead="reason"><button type="button" className="button">Train now</button></NeedsRole></As>,
        "may not, but sees": (
          <As role="viewer"><NeedsRole role="administrator" instead="disabled"><label className="text-sm"><input type="checkbox" defaultChecked /> Keep clips</label></NeedsRole></As>
        ),
      },
    },
    { components: [NotFound], states: { "no such page": <NotFound /> } },
  ],
};
