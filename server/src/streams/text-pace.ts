const windowMs = 5000;

interface Mark {
  readonly at: number;
  readonly length: number;
}

/** How fast a text grows of late. Times in ms of a clock that nobody sets, lengths in UTF-16 units. */
export class TextPace {
  /** When it first grew. */
  firstAt: number | undefined;
  lastAt: number | undefined;
  #length: number;
  /** Where the last two windows began. */
  #before: Mark;
  #window: Mark;

  constructor(length: number, now: number) {
    this.#length = length;
    this.#before = { at: now, length };
    this.#window = this.#before;
  }

  /** It has grown to `length`. */
  grown(length: number, now: number): void {
    this.firstAt ??= now;
    this.lastAt = now;
    this.#length = length;
    if (now - this.#window.at < windowMs) return;
    this.#before = this.#window;
    this.#window = { at: now, length };
  }

  /** Units a second, in the last ten seconds or so; 0 where nothing has come for five. */
  perSecond(now: number): number {
    if (this.lastAt === undefined || now - this.lastAt > windowMs) return 0;
    const { at, length } = this.#before;
    return (this.#length - length) / (Math.max(now - at, 1) / 1000);
  }
}
