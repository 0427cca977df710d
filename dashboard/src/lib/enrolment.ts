// What is to be typed on an agent's computer: configuration, commands; and whether the key's address can lead there.

export const SOURCES = ["microphone", "recording", "simulator"] as const;
export type Source = (typeof SOURCES)[number];
export const KINDS = ["pump", "fan", "gearbox", "motor"] as const;
export type Kind = (typeof KINDS)[number];
/** From the Debian package, from a checkout as a service, from a checkout in a terminal to try it out. */
export const WAYS = ["package", "checkout", "terminal"] as const;
export type Way = (typeof WAYS)[number];

export interface Chosen {
  site: string;
  machine: string;
  source: Source;
  /** Of a simulator. */
  kind?: Kind | undefined;
  /** Of recordings: a file, a folder or a pattern. */
  path?: string | undefined;
}

/** A basic string of TOML; it has the escapes of JSON, and takes no control character as it is. */
export function tomlString(text: string): string {
  return JSON.stringify(text).replaceAll("\u007f", "\\u007f");
}

function sourceLines({ source, kind = "pump", path = "" }: Chosen): string[] {
  if (source === "recording") return [`path = ${tomlString(path)}`, "loop = true"];
  return source === "simulator" ? [`kind = "${kind}"`] : [];
}

/** An agent's configuration with one sensor; all else has defaults. */
export function configuration(chosen: Chosen): string {
  return [
    "[[sensors]]",
    `name = ${tomlString(chosen.source)}`,
    `machine = ${tomlString(chosen.machine)}`,
    `site = ${tomlString(chosen.site)}`,
    "",
    "[sensors.source]",
    `type = "${chosen.source}"`,
    ...sourceLines(chosen),
  ].join("\n");
}

const SERVICE_FILE = "/etc/audiosense/audiosense-agent.toml";
const LOCAL_FILE = "audiosense-agent.toml";
/** No line of a configuration is this word: each is empty, a heading or a key with its value. */
const END = "END";

export type LineName = "install" | "configure" | "check" | "reload" | "enrol" | "run";

function written(into: string, text: string): string {
  return `${into} <<'${END}'\n${text}\n${END}`;
}

/** The line that enrols; as root where a service runs, which keeps what it learns for its own user. */
export function enrolLine(way: Way, key: string): string {
  return way === "terminal" ? `.venv/bin/audiosense-agent enroll ${key} --config ${LOCAL_FILE}` : `sudo audiosense-agent enroll ${key}`;
}

/** All lines in the order in which they are typed. */
export function lines(way: Way, chosen: Chosen, key: string, version: string): [LineName, string][] {
  const text = configuration(chosen);
  if (way === "terminal") {
    return [
      ["install", "make setup"],
      ["configure", written(`cat > ${LOCAL_FILE}`, text)],
      ["check", `.venv/bin/audiosense-agent check --config ${LOCAL_FILE}`],
      ["enrol", enrolLine(way, key)],
      ["run", `.venv/bin/audiosense-agent run --config ${LOCAL_FILE}`],
    ];
  }
  const install =
    way === "package"
      ? `sudo apt install ./audiosense-agent_${version}_$(dpkg --print-architecture).deb`
      : "sudo apt install python3-venv libportaudio2 && sudo deploy/systemd/install.sh";
  return [
    ["install", install],
    ["configure", written(`sudo tee ${SERVICE_FILE} > /dev/null`, text)],
    ["check", "sudo -u audiosense-agent audiosense-agent check"],
    ["reload", "sudo systemctl reload audiosense-agent"],
    ["enrol", enrolLine(way, key)],
  ];
}

export type AddressTrouble = "this_computer" | "loopback" | "differs";

function isLoopback(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost") || host === "[::1]" || host.startsWith("127.");
}

/**
 * What may be wrong with the address in a key, seen from a browser that has the page from `pageHost`.
 *
 * `this_computer`: it serves agents on the collector's computer alone, where the browser is as well; `loopback`: the same, and
 * the browser is elsewhere; `differs`: it names another host than the one that the browser found the collector at.
 */
export function addressTrouble(address: string, pageHost: string): AddressTrouble | null {
  const { hostname } = new URL(address);
  if (isLoopback(hostname)) return isLoopback(pageHost) ? "this_computer" : "loopback";
  return isLoopback(pageHost) || hostname.toLowerCase() === pageHost.toLowerCase() ? null : "differs";
}

/** The address that is probably meant. */
export function suggestedAddress(address: string, pageHost: string): string {
  const { port } = new URL(address);
  return `https://${isLoopback(pageHost) ? "HOST" : pageHost}${port ? `:${port}` : ""}`;
}
