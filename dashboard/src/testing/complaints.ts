// A page that complains on the console fails its test.
import { afterEach, beforeEach, expect, vi } from "vitest";

/** Of lists whose items have the same name: a schema cannot say that they differ, the collector sees to it. */
const SAME_NAME = "Encountered two children with the same key";

export function failOnComplaints(): void {
  const complaints: string[] = [];
  beforeEach(() => {
    for (const kind of ["error", "warn"] as const) {
      vi.spyOn(console, kind).mockImplementation((...said) => {
        const complaint = said.map(String).join(" ");
        if (!complaint.startsWith(SAME_NAME)) complaints.push(complaint.slice(0, 600));
      });
    }
  });
  afterEach(() => {
    vi.restoreAllMocks();
    expect(complaints.splice(0).join("\n")).toBe("");
  });
}
