// What is pressed, chosen and typed.
import { useState } from "react";
import { ApiError } from "@/api/client";
import { DeveloperToggle, LanguageButton, ThemeButton } from "@/app/Choices";
import { NavMenu } from "@/app/NavMenu";
import { Command } from "@/components/Command";
import { Copy } from "@/components/Copy";
import { EnrolLine } from "@/components/EnrolLine";
import { Facts } from "@/components/Facts";
import { Field, FormError, Sheet } from "@/components/Fields";
import * as icons from "@/components/icons";
import { KeyWatch } from "@/components/KeyWatch";
import { MachineForm } from "@/components/MachineForm";
import { More } from "@/components/More";
import { QrCode } from "@/components/QrCode";
import { Section } from "@/components/Section";
import { Tags } from "@/components/Tags";
import { type View } from "@/pages/review/CardSound";
import { ViewSwitch } from "@/pages/review/ViewSwitch";
import { As, ID, SITE } from "./answers";
import type { Component, Group } from "./gallery";

const nothing = () => undefined;
const LINE = "audiosense-agent enroll AUDIOSENSE1-eyJhIjoiaHR0cHM6Ly9jb2xsZWN0b3IuZXhhbXBsZTo4NDQzIiwicyI6IjQ4M2YifQ";
const ICONS: Readonly<Record<string, Component>> = icons;

function Buttons() {
  return (
    <div className="flex flex-wrap items-center gap-2">
      <button type="button" className="button button-primary">Save</button>
      <button type="button" className="button">Cancel</button>
      <button type="button" className="button button-danger">Delete</button>
      <button type="button" className="button" disabled>Saving…</button>
      <button type="button" className="button"><icons.PlusIcon />Show more</button>
      <kbd className="key">J</kbd>
    </div>
  );
}

function Switched({ hasNormal }: { hasNormal: boolean }) {
  const [view, setView] = useState<View>("a");
  return <ViewSwitch view={view} onView={setView} hasNormal={hasNormal} />;
}

function AllIcons() {
  return (
    <ul className="grid grid-cols-[repeat(auto-fill,minmax(8.5rem,1fr))] gap-2 text-xs text-faint">
      {Object.entries(ICONS).map(([name, Icon]) => (
        <li key={name} className="flex items-center gap-2">
          <span className="flex text-ink">{name === "ArrowIcon" ? <><Icon way="left" /><Icon way="right" /></> : <Icon />}</span>
          {name}
        </li>
      ))}
    </ul>
  );
}

function InAForm({ error, label }: { error?: ApiError; label: string }) {
  return (
    <form aria-label={label} className="flex max-w-sm flex-col gap-3" onSubmit={(event) => event.preventDefault()}>
      <Field label="Name" name="name" autoComplete="off" defaultValue={error ? "anna" : ""} />
      <FormError error={error} />
      <button type="submit" className="button self-start">Save</button>
    </form>
  );
}

const PAGES = { hasNextPage: true, fetchNextPage: () => Promise.resolve() };
const machine = (name: string) => ({ id: ID, name, site: SITE, tags: ["pump", "critical"] });

export const CONTROLS: Group = {
  id: "controls",
  title: "Controls",
  entries: [
    { components: [Buttons], states: { all: <Buttons /> }, room: "all" },
    { components: [AllIcons], name: "Icons", states: { all: <AllIcons /> }, room: "all" },
    { components: [LanguageButton, ThemeButton, DeveloperToggle], room: "little", name: "Choices", states: { language: <LanguageButton />, theme: <ThemeButton />, "developer mode": <As><DeveloperToggle /></As> } },
    { components: [ViewSwitch], name: "ViewSwitch (tabs)", states: { all: <Switched hasNormal />, "without normal sound": <Switched hasNormal={false} /> } },
    { components: [NavMenu], states: { closed: <div className="relative flex justify-end"><NavMenu links={<a href="#controls" className="flex h-11 items-center px-3">Controls</a>}>What is chosen</NavMenu></div> } },
    { components: [Field, FormError], name: "Fields", states: { empty: <InAForm label="Empty form" />, "with an error": <InAForm label="Refused form" error={new ApiError(422, "name is taken; choose another")} /> } },
    { components: [MachineForm], states: { "with its name": <MachineForm machine={machine("Press 4")} named onDone={nothing} />, "place and tags": <MachineForm machine={machine("Pump 2")} onDone={nothing} /> }, room: "all" },
    { components: [More], states: { idle: <More of={{ ...PAGES, isFetchingNextPage: false }} />, reading: <More of={{ ...PAGES, isFetchingNextPage: true }} /> } },
    { components: [Copy], states: { idle: <Copy text={ID} label="Copy the id" /> } },
    { components: [Command], states: { short: <Command command="audiosense-agent status" />, long: <Command command={LINE} /> } },
    { components: [EnrolLine], states: { folded: <EnrolLine line={LINE} /> } },
    { components: [QrCode], states: { code: <QrCode text={LINE} label="The line as a QR code" /> } },
    {
      components: [KeyWatch],
      states: { waiting: <KeyWatch id="waiting" />, enrolled: <KeyWatch id="enrolled" />, expired: <KeyWatch id="expired" />, "not found": <KeyWatch id="missing" /> },
    },
    { components: [Tags], states: { some: <Tags tags={["pump", "critical", "hall 3"]} />, "too many": <div className="max-w-48"><Tags tags={["pump", "critical", "third hall", "contractor"]} /></div> } },
    { components: [Facts], states: { some: <Facts facts={[["Sampling rate", "48 kHz"], ["Source", "hw:CARD=Device,DEV=0"]]} /> } },
    {
      components: [Section],
      states: { open: <Section id="example-open" title="Open part" badge="3 events">What is in it.</Section>, folded: <Section id="example-folded" title="Folded part" folded>Not seen.</Section> },
    },
    { components: [Sheet], states: { "a narrow panel": <Sheet title="Sign in" lead="To see your machines."><button type="button" className="button">Sign in</button></Sheet> } },
  ],
};
