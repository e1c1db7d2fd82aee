import type { Sqlite } from './sqlite.ts';
import type { CachedThread } from './thread-cache.ts';

/** So many messages are put into order at a time. Readers look through as many one by one. */
const maxUnordered = 1024;

/**
 * Puts messages into the order of their threads, and their threads' activity into the lists: many at a time, where those
 * of a thread share a page. Until then their threads are kept here, newer than `activity` says.
 */
export class MessageOrder {
  readonly #db: Sqlite;
  readonly #statements: ReturnType<typeof prepare>;
  readonly #threads = new Map<string, CachedThread>();
  #messages = 0;

  /** Finishes what a killed process left. */
  constructor(db: Sqlite) {
    this.#db = db;
    this.#statements = prepare(db);
    this.file();
  }

  /** A thread with messages that are not in order. */
  get(threadId: string): CachedThread | undefined {
    return this.#threads.get(threadId);
  }

  /** So many messages of the thread were committed. */
  add(thread: CachedThread, messages: number): void {
    this.#threads.set(thread.id, thread);
    this.#messages += messages;
  }

  get isBehind(): boolean {
    return this.#messages > 0;
  }

  /** Whether there is enough to be filed. */
  get isDue(): boolean {
    return this.#messages >= maxUnordered;
  }

  /** Files all, in a transaction of its own. */
  file(): void {
    const [from, to] = this.#statements.extent()!;
    if (from < to) {
      this.#db.write(() => {
        this.#statements.order(from);
        this.#statements.setActivity(from);
        this.#statements.setOrderedTo(to);
      });
    }
    this.#threads.clear();
    this.#messages = 0;
  }
}

function prepare(db: Sqlite) {
  const newest = 'FROM messages NOT INDEXED WHERE key > ?';
  return {
    extent: db.one<[from: number, to: number]>(
      'SELECT ordered_to, coalesce((SELECT max(key) FROM messages), 0) FROM filed',
    ),
    order: db.change(
      'INSERT INTO message_order (thread, position, message) ' +
        `SELECT thread, position, key ${newest} ORDER BY thread, position`,
    ),
    setActivity: db.change(
      'UPDATE activity SET head_seq = max(head_seq, n.seq), updated_at = max(activity.updated_at, n.at) FROM (' +
        `SELECT thread, max(seq) AS seq, max(updated_at) AS at ${newest} GROUP BY thread) n ` +
        'WHERE activity.thread = n.thread',
    ),
    setOrderedTo: db.change('UPDATE filed SET ordered_to = ?'),
  };
}
