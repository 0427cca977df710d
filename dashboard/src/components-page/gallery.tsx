// What the page of components is made of: groups of components, each drawn in every state it has.
import type { ComponentType, ReactNode } from "react";

// Props are given where a component is drawn; here it is only known by its identity.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Component = ComponentType<any>;

export interface Entry {
  /** What is shown; the first gives the entry its name and its anchor. */
  components: readonly [Component, ...Component[]];
  /** Where no component's name fits. */
  name?: string;
  /** Each state by what it is. */
  states: Readonly<Record<string, ReactNode>>;
  /** How much room a state takes: a fraction of the width unless it is said. */
  room?: "little" | "all";
}

export interface Group {
  id: string;
  title: string;
  entries: readonly Entry[];
}

export const nameOf = ({ name, components }: Entry): string => name ?? components[0].name;
