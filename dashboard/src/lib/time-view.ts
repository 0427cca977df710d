// The span of time that the charts of a page show together. Kept outside React: a zoom redraws charts, not components.

export interface Shown {
  fromS: number;
  toS: number;
  /** Whether its end follows the clock. */
  live: boolean;
}

const SHORTEST_S = 10;
const LONGEST_S = 2 * 366 * 86_400;
const MOST_BACK = 50;

export class TimeView {
  #shown: Shown;
  #back: Shown[] = [];
  readonly #listeners = new Set<() => void>();
  readonly #nowS: () => number;

  /** `nowS` tells the time in seconds: nothing is shown that lies in the future. */
  constructor(shown: Shown, nowS: () => number) {
    this.#shown = shown;
    this.#nowS = nowS;
  }

  get shown(): Shown {
    return this.#shown;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Show a span that was chosen elsewhere, in the address or by the clock. */
  set(shown: Shown): void {
    const { fromS, toS, live } = this.#shown;
    if (shown.fromS === fromS && shown.toS === toS && shown.live === live) return;
    this.#shown = shown;
    for (const listener of this.#listeners) listener();
  }

  /**
   * Show a fixed span, no shorter or longer than makes sense and not beyond now. `back` returns to what was shown; a
   * movement of many steps is to be remembered once.
   */
  show(fromS: number, toS: number, remember = true): void {
    const length = Math.min(LONGEST_S, Math.max(SHORTEST_S, toS - fromS));
    const middle = (fromS + toS) / 2;
    const end = Math.min(middle + length / 2, this.#nowS());
    if (remember) {
      if (this.#back.length === MOST_BACK) this.#back.shift();
      this.#back.push(this.#shown);
    }
    this.set({ fromS: end - length, toS: end, live: false });
  }

  /** Show `factor` times as long a span; the moment `atS` stays where it is, by default the middle. */
  zoom(factor: number, atS?: number, remember = true): void {
    const { fromS, toS } = this.#shown;
    const at = atS ?? (fromS + toS) / 2;
    const length = Math.min(LONGEST_S, Math.max(SHORTEST_S, (toS - fromS) * factor));
    const share = (at - fromS) / (toS - fromS);
    this.show(at - share * length, at + (1 - share) * length, remember);
  }

  /** Move by a share of what is shown; later is positive. */
  pan(share: number, remember = true): void {
    const { fromS, toS } = this.#shown;
    const by = share * (toS - fromS);
    this.show(fromS + by, toS + by, remember);
  }

  /** Show what was shown before; null where that is nothing of this view's. */
  back(): Shown | null {
    const before = this.#back.pop();
    if (before) this.set(before);
    return before ?? null;
  }
}
