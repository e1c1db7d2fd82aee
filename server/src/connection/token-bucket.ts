/** A client may send at once what its rate allows in so many seconds. */
export const burstSeconds = 4;

/** Limits a rate: `perSecond` tokens flow in each second, and `burst` of them may be saved up. */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #burst: number;
  /** In thousandths, which are whole numbers: whoever waits as long as it was told is not refused for a rounding. */
  #milliTokens: number;
  #at: number;

  /** `perSecond` 0 means no limit. Times in ms. */
  constructor(perSecond: number, burst: number, now: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#milliTokens = burst * 1000;
    this.#at = now;
  }

  /** Takes tokens and returns 0, or takes none and returns how many ms to wait for them. */
  take(count: number, now: number): number {
    const waitMs = this.waitFor(count, now);
    if (waitMs === 0 && this.#perSecond > 0) this.#milliTokens -= count * 1000;
    return waitMs;
  }

  /** How many ms to wait for tokens. Takes none. */
  waitFor(count: number, now: number): number {
    if (this.#perSecond === 0) return 0;
    this.#flow(now);
    // More than a full bucket can never be had at once: it is let through when the bucket is full.
    const needed = Math.min(count, this.#burst) * 1000;
    return Math.max(0, Math.ceil((needed - this.#milliTokens) / this.#perSecond));
  }

  /** Takes tokens that may not be there yet, and returns how many ms it takes until nothing is owed. */
  charge(count: number, now: number): number {
    if (this.#perSecond === 0) return 0;
    this.#flow(now);
    this.#milliTokens -= count * 1000;
    return Math.max(0, Math.ceil(-this.#milliTokens / this.#perSecond));
  }

  #flow(now: number): void {
    const elapsedMs = Math.max(0, now - this.#at);
    this.#milliTokens = Math.min(this.#burst * 1000, this.#milliTokens + elapsedMs * this.#perSecond);
    this.#at = now;
  }
}
