import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { KeyTable } from '../../../server/src/store/embedded/key-table.ts';

type Key = readonly [thread: number, hash: number, message: number];

const hash = fc.oneof(
  fc.nat({ max: 3 }),
  fc.maxSafeNat().map((n) => n % 2 ** 47),
);
const step = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({ do: fc.constant('add' as const), thread: fc.integer({ min: 1, max: 4 }), hash }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('truncate' as const), by: fc.nat({ max: 9 }) }) },
);

test('finds what was added and not taken back, whatever falls on the same place', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (steps) => {
      const table = new KeyTable();
      const model: Key[] = [];
      for (const each of steps) {
        if (each.do === 'add') {
          model.push([each.thread, each.hash, model.length + 1]);
          table.add(...model.at(-1)!);
        } else {
          model.length = Math.max(0, model.length - each.by);
          table.truncate(model.length);
        }
        expect(table.size).toBe(model.length);
      }
      for (const [thread, hash] of [...model, [1, 0], [2, 5]] as Key[]) {
        const expected = model.filter((key) => key[0] === thread && key[1] === hash).map((key) => key[2]);
        expect([...table.find(thread, hash)].sort((a, b) => a - b)).toEqual(expected);
      }
      expect([...table.sorted()]).toEqual([...model].sort((a, b) => a[0] - b[0] || a[1] - b[1]));
    }),
    { numRuns: 50 },
  );
});

test('grows, and is as it was when what was added is taken back', () => {
  const table = new KeyTable();
  const keyOf = (n: number): Key => [n % 7, (n * 7919) % 5000, n];
  for (let n = 0; n < 1000; n++) table.add(...keyOf(n));
  for (let n = 1000; n < 5000; n++) table.add(...keyOf(n));
  expect([...table.find(4999 % 7, (4999 * 7919) % 5000)]).toEqual([4999]);
  table.truncate(1000);
  for (let n = 0; n < 5000; n++) {
    const [thread, hash] = keyOf(n);
    expect([...table.find(thread, hash)]).toEqual(n < 1000 ? [n] : []);
  }
});
