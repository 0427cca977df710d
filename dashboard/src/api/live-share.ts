// One live stream for all tabs of a browser: HTTP/1.1 allows six connections to a collector, and pages need some of them.
//
// The tab that holds the lock has the stream and tells the others what it hears. When it goes, the browser gives the
// lock to the next. Web Locks need HTTPS or localhost; without them each tab has a stream of its own.
import { BASE_URL } from "./client";
import { openStream, type Kind, type Stream, type StreamListener } from "./live-stream";

type Told =
  | { what: "message"; kind: Kind; data: string }
  | { what: "lost"; refused: boolean }
  /** There has been no stream yet, and there is none now. */
  | { what: "down"; refused: boolean }
  /** A tab has come and wants to know how the stream is. */
  | { what: "asked" }
  | { what: "retry" };

export function shareStream(listener: StreamListener): Stream {
  // Missing outside of secure contexts, whatever the type says.
  const locks = (navigator as Partial<Navigator>).locks;
  return locks ? new SharedStream(listener, locks) : openStream(listener);
}

class SharedStream implements Stream {
  private readonly name = `audiosense.live${BASE_URL.pathname}`;
  private readonly channel = new BroadcastChannel(this.name);
  private readonly waiting = new AbortController();
  private own: Stream | undefined;
  private release: (() => void) | undefined;
  private hello: { data: Record<string, unknown> & { server_time_us: number }; atMs: number } | undefined;
  private down: { refused: boolean } | undefined;
  private followed = false;
  private readonly listener: StreamListener;

  constructor(listener: StreamListener, locks: LockManager) {
    this.listener = listener;
    this.channel.onmessage = ({ data }: MessageEvent<Told>) => (this.own ? this.answer(data) : this.follow(data));
    locks.request(this.name, { signal: this.waiting.signal }, () => this.lead()).catch(() => undefined);
    this.tell({ what: "asked" });
  }

  reconnect(): void {
    if (this.own) this.own.reconnect();
    else this.tell({ what: "retry" });
  }

  close(): void {
    this.own?.close();
    this.release?.();
    this.waiting.abort();
    this.channel.close();
  }

  private lead(): Promise<void> {
    this.own = openStream({ onMessage: this.heard, onLost: this.lost });
    return new Promise((resolve) => {
      this.release = resolve;
    });
  }

  private readonly heard = (kind: Kind, data: string): void => {
    this.down = undefined;
    if (kind === "hello") this.hello = { data: JSON.parse(data) as { server_time_us: number }, atMs: Date.now() };
    this.listener.onMessage(kind, data);
    this.tell({ what: "message", kind, data });
    if (kind !== "hello" || !this.followed) return;
    // Between the last leader's stream and this one, something may have been said that no tab heard.
    this.followed = false;
    this.heard("resync", "{}");
  };

  private readonly lost = (refused: boolean): void => {
    const what = this.hello ? "lost" : "down";
    this.hello = undefined;
    this.down = { refused };
    this.listener.onLost(refused);
    this.tell({ what, refused });
  };

  private answer(told: Told): void {
    if (told.what === "retry") this.own?.reconnect();
    if (told.what !== "asked") return;
    if (this.down) this.tell({ what: "down", ...this.down });
    if (!this.hello) return;
    const { data, atMs } = this.hello;
    const now = { ...data, server_time_us: data.server_time_us + (Date.now() - atMs) * 1000 };
    this.tell({ what: "message", kind: "hello", data: JSON.stringify(now) });
  }

  private follow(told: Told): void {
    // A page that is left says so of its stream, too; who has heard nothing of it yet is about to have one.
    if (told.what === "down" || (told.what === "lost" && this.followed)) this.listener.onLost(told.refused);
    if (told.what !== "message") return;
    this.followed = true;
    this.listener.onMessage(told.kind, told.data);
  }

  private tell(told: Told): void {
    this.channel.postMessage(told);
  }
}
