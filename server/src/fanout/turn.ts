import { Traffic } from '../connection/traffic.ts';
import { Bundle } from './bundle.ts';

/** What has something to send at the end of a turn. */
interface Due {
  flush(): void;
}

/**
 * The turn of the event loop that is under way. What is sent in it leaves at its end: all that a connection is due, of
 * however many rooms, in one write.
 */
export class Turn {
  readonly #dealers = new Set<() => void>();
  #due: Due[] = [];
  #order = 0;
  #isEnding = false;
  #failures: unknown[] = [];
  #empty = Bundle.empty();
  /** What leaves is counted there. */
  readonly traffic: Traffic;

  constructor(traffic = new Traffic()) {
    this.traffic = traffic;
  }

  /** The bundle of a connection that is due nothing yet. */
  get empty(): Bundle {
    return this.#empty;
  }

  /**
   * `deal` is called when what rooms got is to be dealt out to their members: before anything leaves. Returns a function
   * that ends it.
   */
  onDeal(deal: () => void): () => void {
    this.#dealers.add(deal);
    return () => this.#dealers.delete(deal);
  }

  /** The place of what is sent now among all that is sent. */
  nextOrder(): number {
    if (!this.#isEnding) {
      this.#isEnding = true;
      // The loop comes to these when it has read what there was to read; an idle room waits for nothing.
      setImmediate(() => this.end());
    }
    return this.#order++;
  }

  /** Has it flushed at the end. */
  add(due: Due): void {
    this.#due.push(due);
  }

  /** Deals out what rooms got so far. */
  deal(): void {
    for (const deal of this.#dealers) deal();
  }

  /** Sends everything. */
  end(): void {
    this.#isEnding = false;
    this.deal();
    const due = this.#due;
    this.#due = [];
    this.#empty = Bundle.empty();
    for (const one of due) {
      // Something was sent while others were written to: to this one it goes in its place.
      if (this.#isEnding) this.deal();
      this.attempt(() => one.flush());
    }
    const failures = this.#failures;
    this.#failures = [];
    // What one connection's listener throws is no fault of the others.
    if (failures.length > 0) throw failures[0];
  }

  /** Does it; what it throws is thrown at the end of the turn, where it is in nobody's way. */
  attempt(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#failures.push(error);
    }
  }
}
