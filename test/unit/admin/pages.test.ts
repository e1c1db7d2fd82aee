import { expect, test } from '@jest/globals';
import { isFromList } from '../../../admin/src/is-from-list.ts';
import { lastPage, pageNumber } from '../../../admin/src/pages/connections/page-number.ts';
import { codeNotes, refusedTotal } from '../../../admin/src/pages/errors/code-notes.ts';
import { isSilent, withoutTextMs } from '../../../admin/src/pages/streams/silence.ts';
import type { StreamLine } from '../../../admin/src/connection/protocol.ts';
import { errorCodes } from '@threadwire/protocol';
import type { ErrorCode } from '@threadwire/protocol';

test.each([
  ['1', 1],
  ['99', 99],
  ['2.7', 2],
  ['0', 1],
  ['-3', 1],
  ['many', 1],
  ['Infinity', 1],
  ['1e300', 1],
  ['9007199254740991', 1_000_000],
])('of an address with the page %j page %p is asked for', (text, page) => {
  expect(pageNumber(text)).toBe(page);
});

test.each([
  [0, 1],
  [100, 1],
  [101, 2],
  [300, 3],
])('a list of %p ends with page %p', (found, page) => {
  expect(lastPage(found, 100)).toBe(page);
});

test.each([
  [undefined, 'threads', false],
  ['#/threads', 'threads', true],
  ['#/threads?q=a&sort=title', 'threads', true],
  ['#/threads/t1', 'threads', false],
  ['#/streams', 'threads', false],
  ['#/connections?page=3', 'connections', true],
] as const)('a view that was opened from %j is one step after the list of %s: %p', (from, page, is) => {
  expect(isFromList({ view: '1', from }, page)).toBe(is);
  expect(isFromList(undefined, page)).toBe(false);
});

const stream: StreamLine = {
  id: 's',
  thread_id: 't',
  user_id: 'bot',
  state: 'streaming',
  length: 10,
  age_ms: 60_000,
  first_text_ms: 20,
  last_text_ms: 500,
  units_per_second: 40,
};

test.each([
  [{}, 500, false],
  [{ last_text_ms: 10_000 }, 10_000, false],
  [{ last_text_ms: 10_001 }, 10_001, true],
  // Before the first text it counts from the start.
  [{ first_text_ms: null, last_text_ms: null }, 60_000, true],
  [{ first_text_ms: null, last_text_ms: null, age_ms: 9000 }, 9000, false],
  // That its producer has gone is said already, and of one that has ended nothing is to come.
  [{ state: 'waiting', last_text_ms: 20_000 }, 20_000, false],
  [{ state: 'complete', last_text_ms: 20_000 }, 20_000, false],
] as const)('a stream with %j has had no text for %p ms; silent: %p', (fields, ms, silent) => {
  expect([withoutTextMs({ ...stream, ...fields }), isSilent({ ...stream, ...fields })]).toEqual([ms, silent]);
});

test('connections that were closed as slow are no refusals, and it is said what is counted', () => {
  const counts = Object.fromEntries(errorCodes.map((code) => [code, 2])) as Record<ErrorCode, number>;
  expect(refusedTotal(counts)).toBe(2 * (errorCodes.length - 1));
  expect(codeNotes.slow_consumer).toContain('Each count is one connection');
});
