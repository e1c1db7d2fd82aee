import type { Thread } from '@threadwire/protocol';
import { mayRead } from '../../threads/access.ts';
import { threadColumns, toThread } from './rows.ts';
import type { ThreadRow } from './rows.ts';
import type { Sqlite } from './sqlite.ts';
import type { Listed, ListSearch, ReaderMethods } from './worker-protocol.ts';

type Request = Parameters<ReaderMethods['listThreads']>[0];
type Answer = Awaited<ReturnType<ReaderMethods['listThreads']>>;
/** The place in the list behind which the page begins. */
type Place = readonly [updatedAt: number, id: string];

/** Threads of a user that one call looks up and sorts, from its indexes alone: about a millisecond. */
export const maxSearched = 2000;
/**
 * Of a user with more (a bot that is a member everywhere) a page is mostly found at once by walking this many of all that
 * are not open, newest first. Where it is not (most were active before those of others), all of the user's are searched.
 */
export const maxWalked = 4000;

const beforeAll: Place = [-1, ''];
const afterAll: Place = [Number.MAX_SAFE_INTEGER, ''];

/**
 * Lists threads by activity: open ones, then those that name the user; an admin's are all. A page costs a call, and one
 * more for each {@link maxSearched} threads of a user who has more, whatever threads others have.
 */
export class ThreadList {
  readonly #statements: ReturnType<typeof prepare>;

  constructor(db: Sqlite) {
    this.#statements = prepare(db);
  }

  read({ actor, after, limit }: Request, search?: ListSearch): Answer {
    const from: Place = after ? [after.updatedAt, after.id] : afterAll;
    // One more than asked for tells whether there are more.
    const max = limit + 1;
    const closed = actor.admin
      ? this.#statements.byOpen(0, ...from, max)
      : this.#ofUser(actor.id, from, max, search ?? { key: 0, found: [] });
    if (!Array.isArray(closed)) return { search: closed };

    // By key: one that the search came by may have been opened since.
    const found = new Map<number, Listed>();
    for (const listed of [...closed, ...this.#statements.byOpen(1, ...from, max)]) found.set(listed[0], listed);
    const ordered = [...found.values()].sort(newestFirst);
    const page = ordered.slice(0, limit);
    const last = page.at(-1);
    const threads = this.#threads(page, actor);
    return ordered.length > limit && last ? { threads, next: { updatedAt: last[1], id: last[2] } } : { threads };
  }

  /** The first of those that name the user; or, where the search through them has to go on, how far it is. */
  #ofUser(userId: string, from: Place, max: number, { key, found }: ListSearch): Listed[] | ListSearch {
    const last = this.#statements.keyAt(userId, key, maxSearched - 1)?.[0];
    if (key === 0 && last !== undefined) {
      const walked = this.#walk(userId, from, max);
      if (walked) return walked;
    }
    const more = this.#statements.search(userId, key, last ?? Number.MAX_SAFE_INTEGER, ...from, max);
    const best = [...found, ...more].sort(newestFirst).slice(0, max);
    return last === undefined ? best : { key: last, found: best };
  }

  /** The first of those that name the user, if walking far enough to find them all is no long way. */
  #walk(userId: string, from: Place, max: number): Listed[] | undefined {
    const end = this.#statements.placeAt(...from, maxWalked - 1);
    const walked = this.#statements.walk(...from, ...(end ?? beforeAll), userId, max);
    return end && walked.length < max ? undefined : walked;
  }

  /** As they are now: between two calls the actor may have lost one, and others have moved up. */
  #threads(page: readonly Listed[], actor: Request['actor']): Thread[] {
    return page
      .map(([key]) => ({ key, thread: toThread(this.#statements.thread(key)!) }))
      .filter(({ thread }) => mayRead(thread, actor))
      .map(({ key, thread }) => ({ thread, place: [key, Date.parse(thread.updated_at), thread.id] as const }))
      .sort((a, b) => newestFirst(a.place, b.place))
      .map(({ thread }) => thread);
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
  const closed = `FROM activity a INDEXED BY activity_order WHERE a.open = 0 AND ${before}`;
  const ofUser = 'FROM thread_users u';
  return {
    byOpen: db.many<Listed>(`SELECT ${listed} FROM activity a WHERE a.open = ? AND ${before} ${order}`),
    placeAt: db.one<Place>(`SELECT a.updated_at, a.id ${closed} ${order.replace('?', '1 OFFSET ?')}`),
    walk: db.many<Listed>(
      `SELECT ${listed} ${closed} AND (a.updated_at, a.id) >= (?, ?) AND EXISTS (` +
        `SELECT 1 ${ofUser} WHERE u.user_id = ? AND u.thread = a.thread) ${order}`,
    ),
    keyAt: db.one<[number]>(
      `SELECT u.thread ${ofUser} WHERE u.user_id = ? AND u.thread > ? ORDER BY u.thread LIMIT 1 OFFSET ?`,
    ),
    // CROSS JOIN keeps the planner to the order written.
    search: db.many<Listed>(
      `SELECT ${listed} ${ofUser} CROSS JOIN activity a ON a.thread = u.thread ` +
        `WHERE u.user_id = ? AND u.thread > ? AND u.thread <= ? AND ${before} ${order}`,
    ),
    thread: db.one<ThreadRow>(
      `SELECT ${threadColumns} FROM threads t JOIN activity a ON a.thread = t.key WHERE t.key = ?`,
    ),
  };
}
