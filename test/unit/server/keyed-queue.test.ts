import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { KeyedQueue } from '../../../server/src/keyed-queue.ts';
import { turn } from '../../support/manual-clock.ts';

/** Acquires keys and notes when they were had; what is returned gives them back. */
function acquire(queue: KeyedQueue, keys: readonly string[], name: number, held: Map<number, () => void>): void {
  void queue.acquire(keys).then((release) => held.set(name, release));
}

describe('a keyed queue', () => {
  test('lets those who share a key in one after the other, in their order', async () => {
    const queue = new KeyedQueue();
    const held = new Map<number, () => void>();
    for (const name of [1, 2, 3]) acquire(queue, ['a'], name, held);
    for (const name of [1, 2, 3]) {
      await turn();
      expect([...held.keys()]).toEqual([name]);
      held.get(name)!();
      held.delete(name);
    }
  });

  test('lets others run side by side', async () => {
    const queue = new KeyedQueue();
    const held = new Map<number, () => void>();
    acquire(queue, ['a'], 1, held);
    acquire(queue, ['b', '__proto__'], 2, held);
    acquire(queue, [], 3, held);
    await turn();
    expect(new Set(held.keys())).toEqual(new Set([1, 2, 3]));
  });

  test('takes a key that is named twice once', async () => {
    const queue = new KeyedQueue();
    const release = await queue.acquire(['a', 'b', 'a']);
    release();
    expect(await Promise.race([queue.acquire(['a']), turn()])).toBeDefined();
  });

  test('tells when a key is free, and takes it from nobody', async () => {
    const queue = new KeyedQueue();
    expect(queue.released('a')).toBeUndefined();
    const [first, second] = [queue.acquire(['a']), queue.acquire(['a'])];
    const released = queue.released('a');
    expect(queue.released('b')).toBeUndefined();
    (await first)();
    expect(await Promise.race([released?.then(() => 'free'), second.then(() => 'taken')])).toBe('taken');
    (await second)();
    await released;
    expect(queue.released('a')).toBeUndefined();
  });

  test('goes on after somebody who released twice', async () => {
    const queue = new KeyedQueue();
    const held = new Map<number, () => void>();
    for (const name of [1, 2, 3]) acquire(queue, ['a'], name, held);
    await turn();
    held.get(1)!();
    held.get(1)!();
    await turn();
    expect([...held.keys()]).toEqual([1, 2]);
  });

  test('excludes and orders by each key, and lets everybody in at last, however their keys overlap', async () => {
    const keys = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1 });
    const wants = fc.array(fc.tuple(keys, fc.nat(100)), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(wants, async (all) => {
        const queue = new KeyedQueue();
        const held = new Map<number, () => void>();
        const order: number[] = [];
        let next = 0;
        while (order.length < all.length) {
          // Some come at once, some while others wait.
          const count = next < all.length ? 1 + (all[next]![1] % 3) : 0;
          for (const [wanted] of all.slice(next, next + count)) acquire(queue, wanted, next++, held);
          await turn();
          const taken = [...held.keys()].flatMap((name) => all[name]![0]);
          expect(taken).toEqual([...new Set(taken)]);
          expect(held.size).toBeGreaterThan(0);
          const leaving = [...held.keys()][all[order.length]![1] % held.size]!;
          order.push(leaving);
          held.get(leaving)!();
          held.delete(leaving);
        }
        for (const key of ['a', 'b', 'c', 'd'] as const) {
          const those = order.filter((name) => all[name]![0].includes(key));
          expect(those).toEqual(those.toSorted((x, y) => x - y));
        }
      }),
    );
  });
});
