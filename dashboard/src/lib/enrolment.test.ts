import { expect, test } from "vitest";
import { addressTrouble, configuration, enrolLine, lines, suggestedAddress, tomlString } from "./enrolment";

const PUMP = { site: "Hall 3", machine: "Pump 7", source: "simulator", kind: "fan" } as const;

test("a configuration names site, machine and source", () => {
  expect(configuration(PUMP)).toBe(
    '[[sensors]]\nname = "simulator"\nmachine = "Pump 7"\nsite = "Hall 3"\n\n[sensors.source]\ntype = "simulator"\nkind = "fan"',
  );
  expect(configuration({ ...PUMP, source: "recording", path: "/srv/pump/*.flac" })).toContain('path = "/srv/pump/*.flac"\nloop = true');
  expect(configuration({ ...PUMP, source: "microphone" }).split("\n").at(-1)).toBe('type = "microphone"');
});

test("no name can break out of its string, nor out of the lines that write it", () => {
  expect(tomlString('a "b" \\ c\u007f')).toBe('"a \\"b\\" \\\\ c\\u007f"');
  const text = configuration({ ...PUMP, machine: "x\nEND\nrm -rf ~" });
  expect(text.split("\n")).not.toContain("END");
});

test("each way has its lines, and the key stands in one of them alone", () => {
  const names = (way: "package" | "checkout" | "terminal") => lines(way, PUMP, "KEY1", "0.1.0").map(([name]) => name);
  expect(names("package")).toEqual(["install", "configure", "check", "reload", "enrol"]);
  expect(names("checkout")).toEqual(names("package"));
  expect(names("terminal")).toEqual(["install", "configure", "check", "enrol", "run"]);
  for (const way of ["package", "checkout", "terminal"] as const) {
    const holding = lines(way, PUMP, "KEY1", "0.1.0").filter(([, line]) => line.includes("KEY1"));
    expect(holding).toEqual([["enrol", enrolLine(way, "KEY1")]]);
  }
});

test.each([
  ["https://127.0.0.1:8443", "localhost", "this_computer"],
  ["https://localhost:8443", "collector.example", "loopback"],
  ["https://[::1]:8443", "collector.example", "loopback"],
  ["https://raspberrypi:8443", "192.0.2.7", "differs"],
  ["https://Collector.example:8443", "collector.example", null],
  ["https://raspberrypi:8443", "127.0.0.1", null],
] as const)("the address %s seen from %s: %s", (address, host, trouble) => {
  expect(addressTrouble(address, host)).toBe(trouble);
});

test("the address that is meant has the key's port and the browser's host", () => {
  expect(suggestedAddress("https://127.0.0.1:8443", "collector.example")).toBe("https://collector.example:8443");
  expect(suggestedAddress("https://127.0.0.1:8443", "localhost")).toBe("https://HOST:8443");
});
