import { describe, expect, test } from '@jest/globals';
import type { Column } from '../../../admin/src/table/column.ts';
import { heldRows, shownRows, waitingRows } from '../../../admin/src/table/held-rows.ts';
import { isFound } from '../../../admin/src/table/is-found.ts';
import { formatSort, parseSort, sortRows } from '../../../admin/src/table/sort-rows.ts';

interface Row {
  readonly id: string;
  readonly count: number | null;
}

const columns: readonly Column<Row>[] = [
  { key: 'id', title: 'Id', value: ({ id }) => id },
  { key: 'count', title: 'Count', value: ({ count }) => count },
];
const rows: readonly Row[] = [
  { id: 'user-10', count: 3 },
  { id: 'user-9', count: null },
  { id: 'user-1', count: 3 },
  { id: 'user-2', count: 20 },
];

describe('rows in an order', () => {
  const order = (text: string): string[] => sortRows(rows, columns, parseSort(text)).map(({ id }) => id);

  test('of text have its numbers by their size', () => {
    expect(order('id')).toEqual(['user-1', 'user-2', 'user-9', 'user-10']);
    expect(order('-id')).toEqual(['user-10', 'user-9', 'user-2', 'user-1']);
  });

  test('without a value come last either way, and of the same value stay as they came', () => {
    expect(order('count')).toEqual(['user-10', 'user-1', 'user-2', 'user-9']);
    expect(order('-count')).toEqual(['user-2', 'user-10', 'user-1', 'user-9']);
  });

  test('that nobody knows stay as they came', () => {
    expect(order('nothing')).toEqual(rows.map(({ id }) => id));
  });

  test('are named in an address', () => {
    for (const text of ['id', '-count']) expect(formatSort(parseSort(text))).toBe(text);
  });
});

describe('a table that is held', () => {
  const keyOf = ({ id }: Row): string => id;
  const before = rows.slice(0, 3);

  test('has the rows that it had, where they were, as they are now; what is gone stands there still', () => {
    const now = [
      { id: 'new', count: 1 },
      { id: 'user-1', count: 99 },
      { id: 'user-10', count: 4 },
    ];
    const shown = heldRows(shownRows(before), now, keyOf);
    expect(shown).toEqual([
      { row: { id: 'user-10', count: 4 }, isGone: false },
      { row: { id: 'user-9', count: null }, isGone: true },
      { row: { id: 'user-1', count: 99 }, isGone: false },
    ]);
    // Again, with the one that was gone back.
    expect(heldRows(shown, [...now, rows[1]!], keyOf)[1]).toEqual({ row: rows[1], isGone: false });
  });

  test('counts what has come, and grows by none of it, however much comes and goes', () => {
    const known = new Set(before.map(keyOf));
    let shown = shownRows(before);
    for (let round = 0; round < 100; round += 1) {
      const now = Array.from({ length: 200 }, (_, i) => ({ id: `new-${round}-${i}`, count: i }));
      shown = heldRows(shown, now, keyOf);
      expect([shown.map(({ row }) => row), waitingRows(known, now, keyOf)]).toEqual([before, 200]);
    }
    expect(waitingRows(known, [...before, { id: 'one', count: 1 }], keyOf)).toBe(1);
  });
});

test.each([
  ['', true],
  ['ADA', true],
  ['ada send', true],
  ['ada nothing', false],
])('a search for %j: %p', (search, found) => {
  expect(isFound(search, 'Ada-1', 'send_message')).toBe(found);
});
