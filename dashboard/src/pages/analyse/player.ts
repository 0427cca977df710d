// Plays a recording from the file that this page sent; the collector keeps no sound of it.

export class Player {
  readonly #listeners = new Set<() => void>();
  readonly #file: File | undefined;
  #audio: HTMLAudioElement | undefined;
  #failed = false;

  constructor(file: File | undefined) {
    this.#file = file;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Whether the file is here, as it is on the page that sent it. */
  get present(): boolean {
    return this.#file !== undefined;
  }

  playing = (): boolean => this.#audio !== undefined && !this.#audio.paused && !this.#audio.ended;
  failed = (): boolean => this.#failed;
  positionS = (): number => this.#audio?.currentTime ?? 0;

  toggle(): void {
    const audio = this.#open();
    if (!audio) return;
    if (this.playing()) audio.pause();
    else void audio.play().catch(() => this.#fail());
  }

  seek(seconds: number): void {
    const audio = this.#open();
    if (audio) audio.currentTime = seconds;
  }

  /** The sound ends with its page; it begins anew where the page is shown again. */
  close(): void {
    if (!this.#audio) return;
    this.#audio.pause();
    URL.revokeObjectURL(this.#audio.src);
    this.#audio = undefined;
  }

  #open(): HTMLAudioElement | undefined {
    if (!this.#file || this.#audio) return this.#audio;
    const audio = new Audio(URL.createObjectURL(this.#file));
    for (const kind of ["play", "pause", "ended", "seeked"]) audio.addEventListener(kind, this.#tell);
    audio.addEventListener("error", () => this.#audio === audio && this.#fail());
    this.#audio = audio;
    return audio;
  }

  #fail(): void {
    this.#failed = true;
    this.#tell();
  }

  readonly #tell = () => {
    for (const listener of this.#listeners) listener();
  };
}
