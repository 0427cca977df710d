// One EventSource on the collector's live stream, opened again until it is closed.
import { BASE_URL } from "./client";

const RETRY_MS = [1_000, 2_000, 4_000, 8_000];
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

  function open(): void {
    clearTimeout(timer);
    source?.close();
    const opened = new EventSource(new URL("api/v1/live", BASE_URL));
    source = opened;
    for (const kind of KINDS) {
      opened.addEventListener(kind, (message: MessageEvent<string>) => {
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
      source?.close();
    },
  };
}
