import { describe, expect, test } from '@jest/globals';
import { createSchema } from '../../../server/src/store/embedded/schema.ts';
import { Sqlite } from '../../../server/src/store/embedded/sqlite.ts';
import type { SqlValue } from '../../../server/src/store/embedded/sqlite.ts';
import { ThreadList, maxSearched, maxWalked } from '../../../server/src/store/embedded/thread-list.ts';
import type { ListSearch } from '../../../server/src/store/embedded/worker-protocol.ts';
import type { ListCursor } from '../../../server/src/store/thread-store.ts';
import { user } from '../../support/store-ops.ts';
import { insertThreads } from '../../support/thread-rows.ts';

const bot = user('bot');

/** A database with threads, and the list of them. */
function openList() {
  const db = new Sqlite(':memory:');
  createSchema(db);
  return { db, list: new ThreadList(db), [Symbol.dispose]: () => db.close() };
}

/** A page, and how many calls it took; `between` happens before each that goes on. */
function readPage(list: ThreadList, limit: number, after?: ListCursor, between?: (search: ListSearch) => void) {
  const request = { actor: bot, limit, after };
  let calls = 1;
  let answer = list.read(request);
  while ('search' in answer) {
    between?.(answer.search);
    // As it comes back from another thread.
    answer = list.read(request, JSON.parse(JSON.stringify(answer.search)) as ListSearch);
    calls += 1;
  }
  return { ids: answer.threads.map(({ id }) => id), next: answer.next, calls };
}

function readAll(list: ThreadList, limit: number) {
  const ids: string[] = [];
  const calls: number[] = [];
  let after: ListCursor | undefined;
  do {
    const page = readPage(list, limit, after);
    ids.push(...page.ids);
    calls.push(page.calls);
    after = page.next;
  } while (after);
  return { ids, calls };
}

const numbered = (of: string, from: number, to: number) =>
  Array.from({ length: from - to + 1 }, (_, i) => `${of}-${from - i}`);

describe('the threads of a user who has very many', () => {
  const many = 2 * maxSearched + 10;

  test('take one call where they are among the newest', () => {
    using opened = openList();
    insertThreads(opened.db, { count: 2 * maxWalked, of: 'others', firstAt: 1_000_000 });
    insertThreads(opened.db, { count: many, of: 'bot', firstAt: 1_003_000 });
    expect(readPage(opened.list, 100)).toMatchObject({ ids: numbered('bot', many, many - 99), calls: 1 });
  });

  test('take as many calls as it takes to look through them where others were active since', () => {
    using opened = openList();
    insertThreads(opened.db, { count: many, of: 'bot', firstAt: 1000 });
    insertThreads(opened.db, { count: maxWalked, of: 'others', firstAt: 1_000_000 });
    expect(readPage(opened.list, 100)).toMatchObject({ ids: numbered('bot', many, many - 99), calls: 3 });
  });

  test('are paged without loss or repeat, wherever they are', () => {
    using opened = openList();
    const { db, list } = opened;
    insertThreads(db, { count: many, of: 'bot', firstAt: 1000 });
    // Newer than the newest few, between others, and far below them.
    insertThreads(db, { count: 2 * maxWalked, of: 'others', firstAt: 500_000 });
    db.exec("UPDATE activity SET updated_at = 600000 WHERE id IN ('bot-5', 'bot-50', 'bot-500')");
    db.exec("UPDATE activity SET updated_at = 503000 + thread WHERE id LIKE 'bot-12%'");
    db.exec("UPDATE activity SET open = 1 WHERE id LIKE 'bot-7_'");
    db.exec("DELETE FROM thread_users WHERE thread IN (SELECT key FROM threads WHERE id LIKE 'bot-7_')");
    db.exec("UPDATE threads SET members = '[]' WHERE id LIKE 'bot-7_'");
    const all = db.many<[string]>("SELECT id FROM activity WHERE id LIKE 'bot-%' ORDER BY updated_at DESC, id DESC")();
    const { ids, calls } = readAll(list, 97);
    expect(ids).toEqual(all.flat());
    expect(new Set(calls)).toEqual(new Set([1, 3]));
  });

  test('are shown once, and as they are now, where they change between two calls', () => {
    using opened = openList();
    const { db, list } = opened;
    insertThreads(db, { count: many, of: 'bot', firstAt: 1000 });
    insertThreads(db, { count: maxWalked, of: 'others', firstAt: 1_000_000 });
    // What the search comes by first.
    for (const n of [1, 2, 3, 4]) db.exec(`UPDATE activity SET updated_at = ${900_000 + n} WHERE id = 'bot-${n}'`);
    expect(readPage(list, 4).ids).toEqual(numbered('bot', 4, 1));

    const key = (id: string) => `(SELECT key FROM threads WHERE id = '${id}')`;
    const loseUsers = (id: string) => db.exec(`DELETE FROM thread_users WHERE thread = ${key(id)}`);
    const { ids, next } = readPage(list, 4, undefined, ({ found }) => {
      expect(found).toHaveLength(5);
      // One is opened, one is written to, one is lost.
      db.exec("UPDATE activity SET open = 1, updated_at = 950000 WHERE id = 'bot-1'");
      db.exec("UPDATE threads SET members = '[]' WHERE id = 'bot-1'");
      loseUsers('bot-1');
      db.exec("UPDATE activity SET updated_at = 960000 WHERE id = 'bot-2'");
      db.exec("UPDATE threads SET members = json_array('others'), created_by = 'others' WHERE id = 'bot-3'");
      loseUsers('bot-3');
    });
    expect(ids).toEqual(['bot-2', 'bot-1', 'bot-4']);
    expect(readPage(list, 2, next).ids).toEqual(numbered('bot', many, many - 1));
  });
});

test('every statement of a list searches an index or a key, whatever it is asked', () => {
  using opened = openList();
  const { db } = opened;
  const statements: string[] = [];
  const note = (sql: string) => {
    statements.push(sql);
    return () => [];
  };
  const watched = new ThreadList({ many: note, one: note } as unknown as Sqlite);
  expect(watched).toBeDefined();
  expect(statements.length).toBeGreaterThan(5);
  for (const sql of statements) {
    const values = Array<SqlValue>(sql.split('?').length - 1).fill(1);
    const steps = db
      .many<[number, number, number, string]>(`EXPLAIN QUERY PLAN ${sql}`)(...values)
      .map((row) => row[3]);
    expect(steps.filter((step) => /\bSCAN\b/.test(step))).toEqual([]);
    // Only what is searched part by part is sorted.
    expect([sql, steps.some((step) => step.includes('TEMP B-TREE'))]).toEqual([sql, sql.includes('CROSS JOIN')]);
  }
});
