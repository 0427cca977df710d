// A short list of names and values.
import { Fragment, type ReactNode } from "react";

export function Facts({ facts }: { facts: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="grid grid-cols-[fit-content(55%)_minmax(0,1fr)] gap-x-4 gap-y-1 text-sm">
      {facts.map(([name, value]) => (
        <Fragment key={name}>
          <dt className="text-faint wrap-break-word">{name}</dt>
          <dd className="text-right wrap-anywhere hyphens-auto">{value}</dd>
        </Fragment>
      ))}
    </dl>
  );
}
