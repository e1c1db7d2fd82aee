import { setTimeout as delay } from 'node:timers/promises';
import { StoreUnavailable } from '../thread-store.ts';

/** How long one write may go on being attempted without getting on. */
const deadlineMs = 8000;
const firstPauseMs = 2;
const longestPauseMs = 100;

/** The time that each of some writes in a row has, and the pauses between its attempts. */
export class Retries {
  #end = performance.now() + deadlineMs;
  readonly #random: () => number;
  #longestMs = firstPauseMs;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Throws when the time is over. */
  check(): void {
    if (performance.now() > this.#end) throw new StoreUnavailable('MongoDB: the write did not get through in time.');
  }

  /** Waits a random time, longer from call to call, so that writers of several servers get out of each other's way. */
  async pause(): Promise<void> {
    this.check();
    await delay(this.#random() * this.#longestMs);
    this.#longestMs = Math.min(longestPauseMs, this.#longestMs * 2);
  }

  /** After an attempt that got on: what comes next has its own time. */
  reset(): void {
    this.#end = performance.now() + deadlineMs;
    this.#longestMs = firstPauseMs;
  }
}
