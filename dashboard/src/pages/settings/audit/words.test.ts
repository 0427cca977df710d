import { expect, test } from "vitest";
import { en } from "@/i18n/en";
import { es } from "@/i18n/es";
import { formatFor } from "@/lib/format";
import { differences, saidAction, saidColumn, saidSubject } from "./words";

const format = formatFor("en-GB");
const names = new Map([["0190", "anna"]]);

test("a change is told field by field, before and after", () => {
  const entry = { before: { role: "viewer", disabled: null, password: "(changed)" }, after: { role: "operator", disabled: 1_795_875_021_231_262, password: "(changed)" } };
  const found = differences(entry, en, format, names);
  expect(found.map(({ name }) => name)).toEqual(["role", "disabled", "password"]);
  expect(found[0]).toEqual({ name: "role", before: "Viewer", after: "Operator" });
  expect(found[1]?.before).toBe("empty");
  expect(found[1]?.after).toMatch(/2026/);
  expect(found[2]?.after).toBe(en.settings.audit.secret);
});

test("of a new thing only what it has is told, of one that is gone what it had", () => {
  expect(differences({ before: null, after: { name: "pump", tag: null, clips: true, level: -31.25, tags: ["a", "b", "c"], owner_id: "0190" } }, en, format, names)).toEqual([
    { name: "name", before: undefined, after: "pump" },
    { name: "clips", before: undefined, after: "yes" },
    { name: "level", before: undefined, after: "-31.25" },
    { name: "tags", before: undefined, after: "a, b, c" },
    { name: "owner_id", before: undefined, after: "anna" },
  ]);
  expect(differences({ before: { name: "pump" }, after: null }, en, format, names)).toEqual([{ name: "name", before: "pump", after: undefined }]);
  expect(differences({ before: null, after: null }, en, format, names)).toEqual([]);
});

test("what has words is told in them, anything else as it is named", () => {
  expect(saidAction("change_user", es)).toBe("cambió un usuario");
  expect(saidAction("enrolment-key create", en)).toBe("made an enrolment key");
  expect(saidAction("polish_lens", es)).toBe("polish lens");
  expect(saidSubject("user_account", en)).toBe("User");
  expect(saidSubject("lens_cap", en)).toBe("lens cap");
  expect(saidColumn("owner_id", es)).toBe("propietario");
  expect(saidColumn("lens_cap", es)).toBe("lens cap");
});

test("what is wrong with the log is said in both languages, with the link and the entry", () => {
  const place = { link: "4711", entry: "815" };
  for (const kind of Object.keys(en.settings.audit.faults) as (keyof typeof en.settings.audit.faults)[]) {
    const [english, spanish] = [en, es].map((t) => t.settings.audit.faults[kind](place));
    expect(english).toMatch(kind === "entry_unsealed" ? /815/ : /4711/);
    expect(spanish).toMatch(kind === "entry_unsealed" ? /815/ : /4711/);
    expect(spanish).not.toBe(english);
  }
});
