// The parts of the settings, in their order: one line here and one route in app/router.tsx make another.
import type { Role } from "@/api/session";
import type { Messages } from "@/i18n/en";

export interface SettingsSection {
  to: "/settings/people" | "/settings/tokens" | "/settings/plant" | "/settings/policies" | "/settings/audit" | "/settings/browser";
  label: (words: Messages["settings"]["section"]) => string;
  /** The least role that it is for; others do not see that it exists, and are refused at its address. */
  role: Role;
}

export const SETTINGS: readonly SettingsSection[] = [
  { to: "/settings/plant", label: (words) => words.plant, role: "administrator" },
  { to: "/settings/policies", label: (words) => words.policies, role: "administrator" },
  { to: "/settings/people", label: (words) => words.people, role: "administrator" },
  { to: "/settings/tokens", label: (words) => words.tokens, role: "administrator" },
  { to: "/settings/audit", label: (words) => words.audit, role: "administrator" },
  { to: "/settings/browser", label: (words) => words.browser, role: "viewer" },
];
