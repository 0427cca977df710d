// The review: events that wait for a verdict, one of them open with its sound, and a bar to say what it was.
import { More } from "@/components/More";
import { useMessages } from "@/i18n";
import { ActionBar } from "./ActionBar";
import { CardSound } from "./CardSound";
import { EventCard } from "./EventCard";
import { KeyHelp } from "./KeyHelp";
import { QueueStates } from "./QueueStates";
import { ReviewFilters } from "./ReviewFilters";
import { ReviewHeading } from "./ReviewHeading";
import { Saved } from "./Saved";
import { useReviewing } from "./use-reviewing";

export function ReviewPage() {
  const t = useMessages();
  const { queue, listening, selection, judging, meant, asking, setAsking, helping, setHelping, say, takeBack } = useReviewing();
  const { query, events, current } = queue;
  const { deck, view, look } = listening;
  return (
    <div className="mx-auto flex min-h-[calc(100dvh-5.5rem)] max-w-5xl flex-col">
      <title>{`${t.review.title} · ${t.app.name}`}</title>
      <ReviewHeading unreviewed={queue.unreviewed} onHelp={() => setHelping(true)} />
      <ReviewFilters search={queue.search} onChange={queue.change} />
      <QueueStates queue={queue} />
      {events.length > 1 && <SelectAll all={selection.selected.length === events.length} onChange={selection.markAll} />}
      <ul aria-label={t.review.list} className="flex flex-col gap-2 pb-3">
        {events.map((event) => (
          <EventCard
            key={event.id}
            event={event}
            open={event === current}
            selected={selection.marked.has(event.id)}
            onOpen={() => queue.open(event.id)}
            onSelect={(on) => selection.mark(event.id, on)}
          >
            <CardSound eventId={event.id} subject={event.machine_name} deck={deck} view={view} onView={look} />
          </EventCard>
        ))}
      </ul>
      <More of={query} className="mb-3 self-start" />
      <ActionBar
        asking={asking}
        onAsk={setAsking}
        onSay={(said) => void say(said)}
        count={meant.length}
        selected={selection.selected.length}
        onClear={() => selection.markAll(false)}
        saving={judging.saving}
      >
        <Saved said={judging.told} error={judging.error} mayUndo={judging.mayUndo} onUndo={() => void takeBack()} onClose={judging.forget} />
      </ActionBar>
      {helping && <KeyHelp onClose={() => setHelping(false)} />}
    </div>
  );
}

function SelectAll({ all, onChange }: { all: boolean; onChange: (on: boolean) => void }) {
  const t = useMessages();
  return (
    <label className="mb-1 flex min-h-9 w-fit cursor-pointer items-center text-sm text-soft">
      <span className="flex min-w-11 justify-center">
        <input type="checkbox" className="size-4 accent-(--accent)" checked={all} onChange={(change) => onChange(change.target.checked)} />
      </span>
      {t.review.selectAll}
    </label>
  );
}
