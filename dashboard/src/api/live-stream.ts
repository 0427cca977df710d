// One EventSource on the collector's live stream, opened again until it is closed.
import { BASE_URL, client } from "./client";

const RETRY_MS = [1_000, 2_000, 4_000, 8_000];
/** So long may a stream say nothing before the collector is asked whether it is there. */
const QUIET_MS = 20_000;
const ANSWER_MS = 5_000;
export const KINDS = ["hello", "measurements", "event", "model", "resync"] as const;
export type Kind = (typeof KINDS)[number];

export interface StreamListener {
  onMessage: (kind: Kind, data: string) => void;
  /** The stream is down; `refused` where the collector answered with something else than a stream. */
  onLost: (refused: boolean) => void;
}

export interface Stream {
  /** Do not wait for the next try. */
  reconnect: () => void;
  close: () => void;
}

export function openStream(listener: StreamListener): Stream {
  let source: EventSource | undefined;
  let retries = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let quiet: ReturnType<typeof setTimeout> | undefined;

  /** A connection that broke without a word, or a collector that hangs, looks like one with nothing to say. */
  function listen(): void {
    clearTimeout(quiet);
    const asked = source;
    quiet = setTimeout(() => {
      void answers().then((there) => {
        if (source !== asked || asked?.readyState === EventSource.CLOSED) return;
        if (there && asked?.readyState === EventSource.OPEN) {
          listen();
          return;
        }
        listener.onLost(false);
        open();
      });
    }, QUIET_MS);
  }

  function open(): void {
    clearTimeout(timer);
    source?.close();
    const opened = new EventSource(new URL("api/v1/live", BASE_URL));
    source = opened;
    listen();
    for (const kind of KINDS) {
      opened.addEventListener(kind, (message: MessageEvent<string>) => {
        listen();
        if (kind === "hello") retries = 0;
        listener.onMessage(kind, message.data);
      });
    }
    opened.onerror = () => {
      // The browser reconnects by itself after a dropped connection, but never after an answer that is no stream.
      const refused = opened.readyState === EventSource.CLOSED;
      listener.onLost(refused);
      if (!refused) return;
      timer = setTimeout(open, RETRY_MS[Math.min(retries, RETRY_MS.length - 1)]);
      retries += 1;
    };
  }

  open();
  return {
    reconnect: open,
    close: () => {
      clearTimeout(timer);
      clearTimeout(quiet);
      source?.close();
      source = undefined;
    },
  };
}

/** Whether the collector answers at all, whatever it says. */
async function answers(): Promise<boolean> {
  const given = new AbortController();
  const late = setTimeout(() => given.abort(), ANSWER_MS);
  try {
    await client.GET("/api/v1/session", { signal: given.signal });
    return true;
  } catch {
    return false;
  } finally {
    clearTimeout(late);
  }
}
