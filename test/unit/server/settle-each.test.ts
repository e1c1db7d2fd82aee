import { describe, expect, test } from '@jest/globals';
import { settleEach } from '../../../server/src/store/mongo/settle-each.ts';
import { turn } from '../../support/manual-clock.ts';

describe('settling each of many', () => {
  test('goes on after one that fails, and resolves when all have settled, with what was thrown', async () => {
    const failure = new Error('the second one');
    const settled: number[] = [];
    const errors = await settleEach([1, 2, 3, 4], 1, async (item) => {
      await turn();
      if (item === 2) throw failure;
      settled.push(item);
    });
    expect(settled).toEqual([1, 3, 4]);
    expect(errors).toEqual([failure]);
  });

  test('waits for the others, though one has failed at once', async () => {
    const settled: string[] = [];
    await settleEach(['quick', 'slow'], 2, async (item) => {
      if (item === 'quick') throw new Error(item);
      for (let i = 0; i < 10; i += 1) await turn();
      settled.push(item);
    });
    expect(settled).toEqual(['slow']);
  });

  test('works on so many at a time, and no more', async () => {
    let running = 0;
    let most = 0;
    const errors = await settleEach(
      Array.from({ length: 20 }, (_, i) => i),
      3,
      async () => {
        most = Math.max(most, ++running);
        await turn();
        running -= 1;
      },
    );
    expect([most, running, errors]).toEqual([3, 0, []]);
  });
});
