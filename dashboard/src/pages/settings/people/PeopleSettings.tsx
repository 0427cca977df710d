// Who may sign in, as what; making users and changing them.
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { usersQuery } from "@/api/administration";
import { ErrorState } from "@/components/ErrorState";
import { More } from "@/components/More";
import { SkeletonPanels } from "@/components/Skeleton";
import { useMessages } from "@/i18n";
import { Part } from "../Part";
import { NewPerson } from "./NewPerson";
import { Person } from "./Person";

export function PeopleSettings() {
  const t = useMessages();
  const words = t.settings.people;
  const users = useInfiniteQuery(usersQuery);
  const [adding, setAdding] = useState(false);
  const add = (
    <button type="button" className="button button-primary" aria-expanded={adding} onClick={() => setAdding(!adding)}>
      {words.add}
    </button>
  );
  return (
    <Part title={t.settings.section.people} lead={words.lead} action={add}>
      {adding && <NewPerson onClose={() => setAdding(false)} />}
      {users.isPending && <SkeletonPanels count={1} className="h-24" />}
      {users.isError && !users.data && <ErrorState error={users.error} onRetry={() => void users.refetch()} />}
      {users.data && (
        <ul className="panel divide-y divide-line" aria-label={t.settings.section.people}>
          {users.data.pages.flatMap(({ items }) => items).map((user) => (
            <Person key={user.id} user={user} />
          ))}
        </ul>
      )}
      <More of={users} />
    </Part>
  );
}
