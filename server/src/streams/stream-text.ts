import { limits } from '@threadwire/protocol';

/** What a chunk comes to. */
export type Acceptance =
  /** Its text is part of the stream's now; it is stored when everything before `end` is. */
  | { readonly do: 'accept'; readonly end: number }
  /** It does not begin where the text ends, nor before it with the same text. */
  | { readonly do: 'conflict' }
  /** The whole would be longer than a stream may be. */
  | { readonly do: 'too large' }
  /** It ends, or goes on after, half of a surrogate pair without the other half. */
  | { readonly do: 'malformed' };

/** Text to be stored: that of the stream from `offset` on. */
export interface TextPart {
  readonly offset: number;
  readonly text: string;
}

const isHighSurrogate = (unit: number): boolean => (unit & 0xfc00) === 0xd800;
const isLowSurrogate = (unit: number): boolean => (unit & 0xfc00) === 0xdc00;

/**
 * The text of one stream, on its way from the producer into the store. Offsets count UTF-16 code units. Half of a
 * surrogate pair at the end is held until the other half comes: it is never stored or shown alone.
 */
export class StreamText {
  /** What was accepted before {@link StreamText.#tail}: only looked into where a chunk is repeated, since that may copy it. */
  #head: string;
  /** What was accepted since text was taken last. */
  #tail = '';
  /** Up to here it is in the store, or on its way. */
  #taken: number;
  #stored: number;

  /** `stored` is what the store has. */
  constructor(stored: string) {
    this.#head = stored;
    this.#taken = stored.length;
    this.#stored = stored.length;
  }

  /** Where the next chunk begins. */
  get length(): number {
    return this.#head.length + this.#tail.length;
  }

  /** Without half of a pair at the end: up to here it may be stored. */
  get wholeLength(): number {
    return this.length - (this.#isHalf ? 1 : 0);
  }

  get storedLength(): number {
    return this.#stored;
  }

  /** Whether there is text to be stored that is not on its way. */
  get hasPart(): boolean {
    return this.wholeLength > this.#taken;
  }

  accept(offset: number, delta: string): Acceptance {
    const { length } = this;
    const overlap = length - offset;
    if (overlap < 0) return { do: 'conflict' };
    if (overlap > 0 && !delta.startsWith(this.slice(offset, offset + delta.length))) return { do: 'conflict' };
    const end = offset + delta.length;
    if (end <= length) return { do: 'accept', end };
    if (end > limits.maxStreamLength) return { do: 'too large' };
    const rest = delta.slice(overlap);
    if (isLowSurrogate(rest.charCodeAt(0)) !== isHighSurrogate(this.#lastUnit)) return { do: 'malformed' };
    this.#tail += rest;
    return { do: 'accept', end };
  }

  /** What is to be stored next. {@link stored} or {@link failed} say how it went. */
  takePart(): TextPart {
    const offset = this.#taken;
    const end = this.wholeLength;
    // Mostly all of it was in the tail: then nothing has to be looked for in what may be long.
    const text = offset === this.#head.length ? this.#tail.slice(0, end - offset) : this.slice(offset, end);
    this.#head += this.#tail.slice(0, end - this.#head.length);
    this.#tail = this.#tail.slice(this.#tail.length - (this.#isHalf ? 1 : 0));
    this.#taken = end;
    return { offset, text };
  }

  /** Everything up to `length` is in the store. */
  stored(length: number): void {
    this.#stored = Math.max(this.#stored, length);
  }

  /** What was taken and is not stored has to be taken again. */
  failed(): void {
    this.#taken = this.#stored;
  }

  /** No more text comes: half of a pair that is still held is replaced by U+FFFD. */
  finish(): void {
    if (this.#isHalf) this.#tail = `${this.#tail.slice(0, -1)}\uFFFD`;
  }

  /** Of everything that was accepted. */
  slice(start: number, end: number): string {
    const { length } = this.#head;
    if (start >= length) return this.#tail.slice(start - length, end - length);
    if (end <= length) return this.#head.slice(start, end);
    return this.#head.slice(start) + this.#tail.slice(0, end - length);
  }

  get #lastUnit(): number {
    // The end of the head is never half of a pair.
    return this.#tail === '' ? 0 : this.#tail.charCodeAt(this.#tail.length - 1);
  }

  get #isHalf(): boolean {
    return isHighSurrogate(this.#lastUnit);
  }
}
