import { bounded } from './connect.ts';
import type { Collections } from './connect.ts';
import { isUnavailable } from './errors.ts';

/** How far a list's order may be behind the newest message. */
const lagMs = 1000;
const maxKnown = 10_000;
const maxBulk = 1000;

/**
 * Keeps `active_at` of the thread documents, which lists are ordered by, at most a second behind the messages. What
 * lists show is read from the messages, so this needs to be no exacter, also after a crash.
 *
 * The first write to a thread in a second is noted before it is answered (in memory of the primary only: it is
 * cheap, and a crash of ours does not take it away), and all of a second once more, durably, at its end.
 */
export class Activity {
  readonly #threads: Collections['native']['threads'];
  /** What the thread documents say at least. */
  readonly #known = new Map<string, number>();
  #due = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(threads: Collections['native']['threads']) {
    this.#threads = threads;
  }

  /** Resolves when no thread's document is more than a second behind. */
  async record(active: ReadonlyMap<string, number>): Promise<void> {
    const behind = new Map<string, number>();
    for (const [id, at] of active) {
      const known = this.#known.get(id) ?? 0;
      if (at > known) this.#due.set(id, Math.max(at, this.#due.get(id) ?? 0));
      if (at > known + lagMs) behind.set(id, at);
    }
    if (this.#due.size > 0) this.#timer ??= setTimeout(() => void this.#tick(), lagMs).unref();
    if (behind.size === 0) return;
    try {
      await this.#write(behind, { w: 1, j: false });
    } catch (error) {
      // The messages are stored, and the flush will tell.
      if (!isUnavailable(error)) throw error;
    }
  }

  /** The thread document was just written with this time. */
  note(id: string, at: number): void {
    const known = this.#known.get(id) ?? 0;
    this.#known.delete(id);
    this.#known.set(id, Math.max(at, known));
    if (this.#known.size > maxKnown) {
      const [oldest] = this.#known.keys();
      this.#known.delete(oldest!);
    }
  }

  /** Writes what is due; on failure it stays due. */
  async flush(): Promise<void> {
    const due = this.#due;
    this.#due = new Map();
    try {
      await this.#write(due, undefined);
    } catch (error) {
      for (const [id, at] of due) this.#due.set(id, Math.max(at, this.#due.get(id) ?? 0));
      throw error;
    }
  }

  /** Ends the timer, and flushes if MongoDB is there. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.flush().catch(() => undefined);
  }

  async #tick(): Promise<void> {
    await this.flush().catch(() => undefined);
    this.#timer = this.#due.size > 0 ? setTimeout(() => void this.#tick(), lagMs).unref() : undefined;
  }

  async #write(active: ReadonlyMap<string, number>, concern: { w: 1; j: false } | undefined): Promise<void> {
    const entries = [...active];
    for (let from = 0; from < entries.length; from += maxBulk) {
      const part = entries.slice(from, from + maxBulk);
      await this.#threads.bulkWrite(
        part.map(([id, at]) => ({
          updateOne: { filter: { _id: id }, update: { $max: { active_at: new Date(at) } } },
        })),
        { ordered: false, ...bounded, ...(concern && { writeConcern: concern }) },
      );
      for (const [id, at] of part) this.note(id, at);
    }
  }
}
