// Recordings on their way: one after the other, and kept while other pages are shown, with their files to play them.
import { type Analysis, sendRecording } from "@/api/analyses";
import { prepare } from "@/lib/browser-decoder";

export interface Purpose {
  sensorId: string | null;
  /** Counted from 0. */
  channel: number;
}

export interface Job extends Purpose {
  key: number;
  file: File;
  step: "waiting" | "decoding" | "sending" | "working" | "done" | "failed";
  /** Of the upload, from 0 to 1. */
  share: number;
  error: unknown;
  analysis: Analysis | null;
}

/** So many recordings can be played on the page that made them. */
const MOST_KEPT = 50;

class RecordingQueue {
  #jobs: readonly Job[] = [];
  #next = 1;
  #current: { key: number; abort: AbortController } | null = null;
  readonly #files = new Map<string, File>();
  readonly #listeners = new Set<() => void>();

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  snapshot = (): readonly Job[] => this.#jobs;

  /** Put recordings in the queue, and return their keys. */
  add(files: readonly File[], purpose: Purpose): number[] {
    const jobs = files.map((file): Job => ({ ...purpose, key: this.#next++, file, step: "waiting", share: 0, error: null, analysis: null }));
    this.#set([...this.#jobs, ...jobs]);
    void this.#work();
    return jobs.map(({ key }) => key);
  }

  retry(key: number): void {
    this.#change(key, { step: "waiting", share: 0, error: null });
    void this.#work();
  }

  /** Take one out of the queue; what is being sent is stopped. */
  remove(key: number): void {
    if (this.#current?.key === key) this.#current.abort.abort();
    this.#set(this.#jobs.filter((job) => job.key !== key));
  }

  /** The recording of an analysis that this page has made. */
  fileOf(analysisId: string): File | undefined {
    return this.#files.get(analysisId);
  }

  async #work(): Promise<void> {
    if (this.#current) return;
    for (;;) {
      const job = this.#jobs.find(({ step }) => step === "waiting");
      if (!job) return;
      const abort = new AbortController();
      this.#current = { key: job.key, abort };
      try {
        await this.#send(job, abort.signal);
      } catch (error) {
        this.#change(job.key, { step: "failed", error });
      } finally {
        this.#current = null;
      }
    }
  }

  async #send({ key, file, sensorId, channel }: Job, signal: AbortSignal): Promise<void> {
    this.#change(key, { step: "decoding" });
    const prepared = await prepare(file);
    signal.throwIfAborted();
    this.#change(key, { step: "sending" });
    const onSent = (share: number) => this.#change(key, { share, step: share < 1 ? "sending" : "working" });
    const analysis = await sendRecording({ ...prepared, filename: file.name, sensorId, channel }, onSent, signal);
    this.#files.set(analysis.id, file);
    const oldest = this.#files.keys().next().value;
    if (this.#files.size > MOST_KEPT && oldest !== undefined) this.#files.delete(oldest);
    this.#change(key, { step: "done", analysis });
  }

  #change(key: number, changes: Partial<Job>): void {
    this.#set(this.#jobs.map((job) => (job.key === key ? { ...job, ...changes } : job)));
  }

  #set(jobs: readonly Job[]): void {
    this.#jobs = jobs;
    for (const listener of this.#listeners) listener();
  }
}

export const recordingQueue = new RecordingQueue();
