// The parts of the settings, in their order: one line here and one route in app/router.tsx make another.
import type { Role } from "@/api/session";
import type { Messages } from "@/i18n/en";

export interface SettingsSection {
  to: "/settings/browser" | "/settings/plant" | "/settings/policies";
  label: (words: Messages["settings"]["section"]) => string;
  /** The least role that it is for; others do not see that it exists, and are refused at its address. */
  role: Role;
}

export const SETTINGS: readonly SettingsSection[] = [
  { to: "/settings/plant", label: (words) => words.plant, role: "administrator" },
  { to: "/settings/policies", label: (words) => words.policies, role: "administrator" },
  { to: "/settings/browser", label: (words) => words.browser, role: "viewer" },
];
