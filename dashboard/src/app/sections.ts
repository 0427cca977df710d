// The pages that the header leads to, in their order: one line makes a page reachable on every screen.
import type { ComponentType } from "react";
import type { Role } from "@/api/session";
import { AgentsIcon, AnalyseIcon, CardsIcon, CodeIcon, ModelsIcon, ReviewIcon, SettingsIcon } from "@/components/icons";
import type { Messages } from "@/i18n/en";

export interface AppSection {
  to: "/" | "/review" | "/models" | "/analyse" | "/agents" | "/settings" | "/developer";
  label: (t: Messages) => string;
  icon: ComponentType;
  /** The least role that the page is for; others do not see that it exists. */
  role: Role;
  /** Stays in the header of a phone; the others are in its menu. */
  kept?: boolean;
  /** Only while developer mode is on. */
  developer?: boolean;
}

export const SECTIONS: readonly AppSection[] = [
  { to: "/", label: (t) => t.app.home, icon: CardsIcon, role: "viewer", kept: true },
  { to: "/review", label: (t) => t.review.title, icon: ReviewIcon, role: "viewer", kept: true },
  { to: "/models", label: (t) => t.models.title, icon: ModelsIcon, role: "viewer" },
  { to: "/analyse", label: (t) => t.analyse.nav, icon: AnalyseIcon, role: "operator" },
  { to: "/agents", label: (t) => t.agents.title, icon: AgentsIcon, role: "viewer" },
  { to: "/settings", label: (t) => t.settings.title, icon: SettingsIcon, role: "viewer" },
  { to: "/developer", label: (t) => t.developer.title, icon: CodeIcon, role: "viewer", developer: true },
];
