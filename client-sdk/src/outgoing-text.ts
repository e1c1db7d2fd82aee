import { ThreadwireError } from './errors.ts';

/** A streamed message's whole text, in UTF-16 code units. */
const maxLength = 256 * 1024;
/** Of one `stream_chunk`: small beside a frame's limit, whatever the characters are. */
const maxPieceLength = 16 * 1024;

/** The text of a stream that is being written: kept from the moment it is given until the server has stored it. */
export class OutgoingText {
  /** From `#stored` on; well-formed. */
  #text = '';
  #stored: number;
  /** The first half of a surrogate pair: it goes out together with the other one. */
  #half = '';

  /** @param stored so much is there already */
  constructor(stored: number) {
    this.#stored = stored;
  }

  /** Of all that was given. */
  get length(): number {
    return this.sendable + this.#half.length;
  }

  /** Up to here it may be sent. */
  get sendable(): number {
    return this.#stored + this.#text.length;
  }

  get stored(): number {
    return this.#stored;
  }

  /** Takes all of it, or none. Half a character that stays alone becomes U+FFFD. @throws {ThreadwireError} */
  add(text: string): void {
    if (this.length + text.length > maxLength) {
      throw refusal('payload_too_large', `A stream's text is at most ${maxLength} UTF-16 code units.`);
    }
    if (text.includes('\0')) throw refusal('invalid_payload', 'The text must not contain U+0000.');
    const all = this.#half + text;
    this.#half = /[\uD800-\uDBFF]$/.test(all) ? all.slice(-1) : '';
    this.#text += all.slice(0, all.length - this.#half.length).toWellFormed();
  }

  /** Nothing more comes. */
  end(): void {
    this.#text += this.#half.toWellFormed();
    this.#half = '';
  }

  /** What to send next, where everything before `offset` was sent. */
  pieceAt(offset: number): string {
    const from = offset - this.#stored;
    const piece = this.#text.slice(from, from + maxPieceLength);
    const isCutInHalf = piece.length === maxPieceLength && /[\uD800-\uDBFF]$/.test(piece);
    return isCutInHalf ? piece.slice(0, -1) : piece;
  }

  /** Whether the text from here on is still held. */
  holds(offset: number): boolean {
    return offset >= this.#stored && offset <= this.sendable;
  }

  /** Whether a text is, from what is stored on, what was given here. */
  matches(text: string): boolean {
    return text.length >= this.#stored && this.#text.startsWith(text.slice(this.#stored));
  }

  /** The server has stored everything before `offset`. */
  drop(offset: number): void {
    if (offset <= this.#stored || !this.holds(offset)) return;
    this.#text = this.#text.slice(offset - this.#stored);
    this.#stored = offset;
  }
}

function refusal(code: 'payload_too_large' | 'invalid_payload', message: string): ThreadwireError {
  return new ThreadwireError({ code, message, retry: 'never', event: 'stream_chunk' });
}
