import type { Clock } from '../../client-sdk/src/clock.ts';
import { turn } from './manual-clock.ts';

interface Task {
  readonly at: number;
  readonly callback: () => void;
}

/** The SDK's time and chance, which stand still until they are told otherwise. */
export class SdkClock implements Clock {
  #now = Date.parse('2026-01-15T09:30:00.000Z');
  readonly #tasks = new Set<Task>();
  /** What `random` gives. */
  chance: () => number = () => 0.5;

  now(): number {
    return this.#now;
  }

  after(delayMs: number, callback: () => void): () => void {
    const task = { at: this.#now + delayMs, callback };
    this.#tasks.add(task);
    return () => this.#tasks.delete(task);
  }

  random(): number {
    return this.chance();
  }

  /** In how many ms each callback is due, the next one first. */
  get pending(): number[] {
    return [...this.#tasks].map(({ at }) => at - this.#now).sort((a, b) => a - b);
  }

  /** Lets time pass: calls back what is due, at its moment and in order, with a turn for what follows from it. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await turn();
    while (this.fireNext(end)) await turn();
    this.#now = end;
  }

  /** Calls back what is due next, at its moment, if that is not after `until`; false where there is nothing. */
  fireNext(until = Number.POSITIVE_INFINITY): boolean {
    const [next] = [...this.#tasks].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
    if (!next) return false;
    this.#tasks.delete(next);
    this.#now = Math.max(this.#now, next.at);
    next.callback();
    return true;
  }
}

/** Real time that runs so many times faster for the SDK: what it does after minutes it does at once. */
export function fastClock(factor: number): Clock {
  const startedAt = Date.now();
  return {
    now: () => startedAt + (Date.now() - startedAt) * factor,
    after: (delayMs, callback) => {
      const timer = setTimeout(callback, delayMs / factor);
      return () => clearTimeout(timer);
    },
    random: () => Math.random(),
  };
}
