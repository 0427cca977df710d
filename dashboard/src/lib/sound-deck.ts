// Two sounds that are heard in turn at one place: an event and normal sound, equally loud, in a loop, slow or raised.
// Plain on purpose: React only reads its state and tells it what was pressed.

export const SIDES = ["a", "b"] as const;
export type Side = (typeof SIDES)[number];
export const SPEEDS = [0.25, 0.5, 1, 2] as const;

export interface DeckState {
  side: Side;
  playing: boolean;
  loading: boolean;
  failed: boolean;
  loop: boolean;
  speed: number;
  gainDb: number;
}

export interface Tape {
  id: string;
  durationS: number;
  /** Added to the listener's own gain, to make both sides equally loud. */
  matchDb: number;
}

type Tapes = Partial<Record<Side, Tape>>;

const STILL: DeckState = { side: "a", playing: false, loading: false, failed: false, loop: true, speed: 1, gainDb: 0 };
const RAMP_S = 0.015;

export class SoundDeck {
  private state: DeckState = STILL;
  private tapes: Tapes = {};
  private context: AudioContext | undefined;
  private readonly buffers = new Map<string, Promise<AudioBuffer>>();
  private node: AudioBufferSourceNode | undefined;
  private volume: GainNode | undefined;
  private startedS = 0;
  /** Where the sound stands while it does not play, or stood when it began to. */
  private offsetS = 0;
  private turn = 0;
  private readonly listeners = new Set<() => void>();
  private readonly read: (id: string) => Promise<ArrayBuffer>;
  private readonly onHeard: () => void;

  constructor(read: (id: string) => Promise<ArrayBuffer>, onHeard: () => void = () => undefined) {
    this.read = read;
    this.onHeard = onHeard;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly snapshot = (): DeckState => this.state;

  /** Other sounds: what plays stops, the listener's choices stay. */
  insert(tapes: Tapes): void {
    this.stop();
    for (const known of this.buffers.keys()) {
      if (!SIDES.some((side) => tapes[side]?.id === known)) this.buffers.delete(known);
    }
    this.tapes = tapes;
    this.offsetS = 0;
    this.set({ side: "a", playing: false, loading: false, failed: false });
  }

  /** How loud the sides are made, once that is known; what plays goes on. */
  match(side: Side, matchDb: number): void {
    const tape = this.tapes[side];
    if (!tape || tape.matchDb === matchDb) return;
    this.tapes = { ...this.tapes, [side]: { ...tape, matchDb } };
    this.applyGain();
  }

  has(side: Side): boolean {
    return this.tapes[side] !== undefined;
  }

  durationS(): number {
    return this.tapes[this.state.side]?.durationS ?? 0;
  }

  positionS(): number {
    const duration = this.durationS();
    if (!this.state.playing || !this.context || this.node === undefined) return Math.min(this.offsetS, duration);
    const at = this.offsetS + (this.context.currentTime - this.startedS) * this.state.speed;
    return this.state.loop && duration > 0 ? at % duration : Math.min(at, duration);
  }

  toggle(): void {
    if (this.state.playing) this.pause();
    else void this.play();
  }

  pause(): void {
    this.offsetS = this.positionS();
    this.stop();
    this.set({ playing: false, loading: false });
  }

  async play(): Promise<void> {
    const tape = this.tapes[this.state.side];
    if (!tape) return;
    const turn = ++this.turn;
    this.set({ playing: true, loading: true, failed: false });
    try {
      this.context ??= new AudioContext();
      await this.context.resume();
      const buffer = await this.load(tape.id, this.context);
      if (turn !== this.turn) return;
      this.start(buffer, this.context);
      this.set({ loading: false });
      this.onHeard();
    } catch {
      this.buffers.delete(tape.id);
      if (turn === this.turn) this.set({ playing: false, loading: false, failed: true });
    }
  }

  seek(atS: number): void {
    this.offsetS = Math.max(0, Math.min(atS, this.durationS()));
    if (this.state.playing) this.replay();
    else this.set({});
  }

  choose(side: Side): void {
    if (side === this.state.side || !this.has(side)) return;
    const at = this.positionS();
    this.set({ side });
    const duration = this.durationS();
    this.offsetS = duration > 0 ? at % duration : 0;
    if (this.state.playing) this.replay();
  }

  setLoop(loop: boolean): void {
    this.offsetS = this.positionS();
    this.set({ loop });
    if (this.state.playing) this.replay();
  }

  setSpeed(speed: number): void {
    this.offsetS = this.positionS();
    this.set({ speed });
    if (this.state.playing) this.replay();
  }

  setGain(gainDb: number): void {
    this.set({ gainDb });
    this.applyGain();
  }

  /** Let go of the sound card and of all sound. */
  close(): void {
    this.stop();
    this.buffers.clear();
    void this.context?.close();
    this.context = undefined;
    this.volume = undefined;
    this.set({ playing: false, loading: false });
  }

  private set(change: Partial<DeckState>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  }

  private load(id: string, context: AudioContext): Promise<AudioBuffer> {
    let buffer = this.buffers.get(id);
    if (!buffer) {
      buffer = this.read(id).then((file) => context.decodeAudioData(file));
      this.buffers.set(id, buffer);
    }
    return buffer;
  }

  private replay(): void {
    this.stop();
    void this.play();
  }

  private start(buffer: AudioBuffer, context: AudioContext): void {
    this.node?.stop();
    if (!this.volume) {
      this.volume = context.createGain();
      this.volume.connect(context.destination);
    }
    const node = context.createBufferSource();
    node.buffer = buffer;
    node.loop = this.state.loop;
    node.playbackRate.value = this.state.speed;
    node.connect(this.volume);
    node.onended = () => {
      if (this.node !== node) return;
      this.node = undefined;
      this.offsetS = 0;
      this.set({ playing: false });
    };
    this.node = node;
    this.applyGain();
    if (this.offsetS >= buffer.duration) this.offsetS = 0;
    this.startedS = context.currentTime;
    node.start(0, this.offsetS);
  }

  private stop(): void {
    this.turn += 1;
    const node = this.node;
    this.node = undefined;
    node?.stop();
  }

  private applyGain(): void {
    if (!this.volume || !this.context) return;
    const decibels = this.state.gainDb + (this.tapes[this.state.side]?.matchDb ?? 0);
    this.volume.gain.setTargetAtTime(10 ** (decibels / 20), this.context.currentTime, RAMP_S);
  }
}
