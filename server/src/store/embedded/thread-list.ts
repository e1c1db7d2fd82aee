import { threadColumns, toThread } from './rows.ts';
import type { ThreadRow } from './rows.ts';
import type { Sqlite } from './sqlite.ts';
import type { ReaderMethods } from './worker-protocol.ts';

type Listed = readonly [key: number, updatedAt: number, id: string];
type Request = Parameters<ReaderMethods['listThreads']>[0];
type Page = Awaited<ReturnType<ReaderMethods['listThreads']>>;

/**
 * A user's own threads up to this many are all looked up and sorted; of a user with more (a bot that is a member
 * everywhere) enough will be found soon by walking all that are not open, newest first.
 */
const sortableThreads = 2000;

/** Lists threads by activity, from indexes alone: open ones, then those that name the user; an admin's are all. */
export class ThreadList {
  readonly #statements: ReturnType<typeof prepare>;

  constructor(db: Sqlite) {
    this.#statements = prepare(db);
  }

  read({ actor, after, limit }: Request): Page {
    const from = [after?.updatedAt ?? Number.MAX_SAFE_INTEGER, after?.id ?? ''] as const;
    // One more than asked for tells whether there are more.
    const max = limit + 1;
    const found = this.#statements.byOpen(1, ...from, max);
    if (actor.admin) found.push(...this.#statements.byOpen(0, ...from, max));
    else if (this.#hasMany(actor.id)) found.push(...this.#statements.walkForUser(...from, actor.id, max));
    else found.push(...this.#statements.sortForUser(actor.id, ...from, max));

    found.sort(newestFirst);
    const page = found.slice(0, limit);
    const threads = page.map(([key]) => toThread(this.#statements.thread(key)!));
    const last = page.at(-1);
    return found.length > limit && last ? { threads, next: { updatedAt: last[1], id: last[2] } } : { threads };
  }

  #hasMany(userId: string): boolean {
    return this.#statements.countOfUser(userId, sortableThreads + 1)![0] > sortableThreads;
  }
}

function newestFirst(a: Listed, b: Listed): number {
  if (a[1] !== b[1]) return b[1] - a[1];
  return a[2] < b[2] ? 1 : -1;
}

function prepare(db: Sqlite) {
  const before = '(a.updated_at, a.id) < (?, ?)';
  const order = 'ORDER BY a.updated_at DESC, a.id DESC LIMIT ?';
  const listed = 'a.thread, a.updated_at, a.id';
  // CROSS JOIN keeps the planner to the order written.
  return {
    byOpen: db.many<Listed>(`SELECT ${listed} FROM activity a WHERE a.open = ? AND ${before} ${order}`),
    walkForUser: db.many<Listed>(
      `SELECT ${listed} FROM activity a INDEXED BY activity_order WHERE a.open = 0 AND ${before} AND EXISTS (` +
        `SELECT 1 FROM thread_users u WHERE u.user_id = ? AND u.thread = a.thread) ${order}`,
    ),
    sortForUser: db.many<Listed>(
      `SELECT ${listed} FROM thread_users u CROSS JOIN activity a ON a.thread = u.thread ` +
        `WHERE u.user_id = ? AND ${before} ${order}`,
    ),
    countOfUser: db.one<[number]>('SELECT count(*) FROM (SELECT 1 FROM thread_users WHERE user_id = ? LIMIT ?)'),
    thread: db.one<ThreadRow>(
      `SELECT ${threadColumns} FROM threads t JOIN activity a ON a.thread = t.key WHERE t.key = ?`,
    ),
  };
}
