// The parts of the settings, in their order: one line here and one route in app/router.tsx make another.
import type { Role } from "@/api/session";
import type { Messages } from "@/i18n/en";

export interface SettingsSection {
  to: "/settings/browser";
  label: (words: Messages["settings"]["section"]) => string;
  /** The least role that it is for; others do not see that it exists, and are refused at its address. */
  role: Role;
}

export const SETTINGS: readonly SettingsSection[] = [
  { to: "/settings/browser", label: (words) => words.browser, role: "viewer" },
];
