import type { Model } from 'mongoose';
import { bounded } from './connect.ts';
import { noHead } from './documents.ts';
import type { Head, MessageDocument } from './documents.ts';

/** A guess older than this is not used: how late a writer may be is what the seqs that a message keeps are sized by. */
const freshMs = 1000;
const maxGuesses = 10_000;

/**
 * The heads of threads as this process last saw them. A head is the highest seq of the thread's messages: the newest
 * change sits on some message, and messages are never removed. A guess may be too low, which a unique index finds out;
 * it is never too high, since only what is durable gets here.
 */
export class Heads {
  readonly #messages: Model<MessageDocument>;
  readonly #guesses = new Map<string, { head: Head; at: number }>();

  constructor(messages: Model<MessageDocument>) {
    this.#messages = messages;
  }

  guess(threadId: string): Head | undefined {
    const guess = this.#guesses.get(threadId);
    return guess && performance.now() - guess.at < freshMs ? guess.head : undefined;
  }

  /** `head` was durable at `at` (of `performance.now()`). */
  remember(threadId: string, head: Head, at: number): void {
    const known = this.#guesses.get(threadId);
    if (known && known.head.seq >= head.seq && performance.now() - known.at < freshMs) return;
    // The latest goes to the end; the first is the one that rests longest.
    this.#guesses.delete(threadId);
    this.#guesses.set(threadId, { head, at });
    if (this.#guesses.size > maxGuesses) {
      const [oldest] = this.#guesses.keys();
      this.#guesses.delete(oldest!);
    }
  }

  /** After a conflict or an unknown outcome. */
  forget(threadId: string): void {
    this.#guesses.delete(threadId);
  }

  /** The guess where there is one, else what the store says. */
  async get(threadId: string): Promise<Head> {
    return this.guess(threadId) ?? (await this.read(threadId));
  }

  async read(threadId: string): Promise<Head> {
    const at = performance.now();
    const newest = await this.#messages
      .findOne({ thread_id: threadId }, { _id: 0, seq: 1, active_at: 1 }, bounded)
      .sort({ seq: -1 })
      .lean<Pick<MessageDocument, 'seq' | 'active_at'>>();
    const head = newest ? { seq: newest.seq, activeAt: newest.active_at.getTime() } : noHead;
    this.remember(threadId, head, at);
    return head;
  }
}
