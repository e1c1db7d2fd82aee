import { describe, expect, test } from '@jest/globals';
import { auditFacts } from '../../../admin/src/pages/audit/audit-facts.ts';
import { maxPages, pageSize, searchOlder } from '../../../admin/src/pages/audit/search-older.ts';
import { unnamed } from '../../../admin/src/pages/audit/unnamed.ts';
import { threadsFacts } from '../../../admin/src/pages/threads/threads-facts.ts';
import type { ConsoleAnswers } from '../../../admin/src/connection/protocol.ts';

type Entry = ConsoleAnswers['audit']['entries'][number];

function entry(n: number, fields: Partial<Entry> = {}): Entry {
  return {
    id: String(n).padStart(6, '0'),
    at: n,
    operator: 'admin',
    address: '127.0.0.1',
    action: 'disconnect',
    target: '',
    outcome: 'ok',
    detail: '',
    ...fields,
  };
}

test.each([
  ['', { shown: 1, found: 1, searched: 1, has_more: false }, '1 thread'],
  ['', { shown: 500, found: 500, searched: 500, has_more: true }, 'The 500 most recently active; there are more'],
  ['a', { shown: 3, found: 3, searched: 812, has_more: false }, '3 found among all 812 threads'],
  ['a', { shown: 0, found: 0, searched: 1, has_more: false }, '0 found among the one thread'],
  [
    'a',
    { shown: 500, found: 812, searched: 1000, has_more: true },
    '500 of 812 found among the 1,000 most recently active threads',
  ],
] as const)('a search of threads for %j that was answered %j says %j', (search, answer, text) => {
  expect(threadsFacts(search, answer)).toBe(text);
});

test.each([
  [{ found: 100, known: 100, hasMore: true, isFiltered: false }, 'The latest 100 entries; there are older ones'],
  [{ found: 1, known: 1, hasMore: false, isFiltered: false }, '1 entry'],
  [{ found: 0, known: 200, hasMore: true, isFiltered: true }, '0 found in the latest 200 entries'],
  [{ found: 3, known: 1234, hasMore: false, isFiltered: true }, '3 found in all 1,234 entries'],
])('of the log %j is said as %j', (view, text) => {
  expect(auditFacts(view)).toBe(text);
});

describe('a search for older entries', () => {
  /** A log of so many entries before the first page; of them one is found. */
  const search = async (count: number, wanted?: number) => {
    const asked: string[] = [];
    const pages: number[] = [];
    const isAtEnd = await searchOlder({
      read: async (before, limit) => {
        asked.push(before);
        const newest = Number(before) - 1;
        return Array.from({ length: Math.min(limit, newest) }, (_, i) => entry(newest - i));
      },
      isFound: ({ at }) => at === wanted,
      before: entry(count + 1).id,
      onPage: (entries) => pages.push(entries.length),
    });
    return { asked, pages, isAtEnd };
  };

  test('goes on until something is found', async () => {
    const { asked, pages, isAtEnd } = await search(9999, 8700);
    expect([asked, pages, isAtEnd]).toEqual([['010000', '009500', '009000'], [500, 500, 500], false]);
  });

  test('goes on until the log ends', async () => {
    expect(await search(700)).toMatchObject({ pages: [500, 200], isAtEnd: true });
    expect(await search(500)).toMatchObject({ pages: [500, 0], isAtEnd: true });
  });

  test('reads so much, and no more', async () => {
    const { pages, isAtEnd } = await search(99_999);
    expect([pages.length, isAtEnd]).toEqual([maxPages, false]);
    expect(maxPages * pageSize).toBe(5000);
  });
});

test.each([
  [{}, undefined],
  [{ operator: '', action: 'login', outcome: 'refused' }, 'another name'],
  [{ operator: '', action: 'login', outcome: 'refused', detail: 'the address is locked out' }, 'another name'],
  [{ operator: '', action: 'login', outcome: 'refused', detail: 'turned away: too many logins' }, 'not looked at'],
  [
    {
      operator: '',
      action: 'login',
      outcome: 'refused',
      detail: '70 turned away within a minute, the last one from this address',
    },
    'not looked at',
  ],
] as const)('whom %j is about: %p', (fields, who) => {
  expect(unnamed(entry(1, fields))).toBe(who);
});
