import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { shareReads } from '../../../server/src/store/shared-reads.ts';
import { StoreUnavailable } from '../../../server/src/store/thread-store.ts';
import type { HistoryRequest, HistoryResult, ThreadStore } from '../../../server/src/store/thread-store.ts';
import type { Actor } from '../../../server/src/threads/access.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { admin, ann, append, bob, clock, edit, newThread, ok, remove, stored, user } from '../../support/store-ops.ts';

/** Counts the pages that are read. */
class CountingStore extends MemoryStore {
  readonly pages: string[] = [];

  override async histories(requests: readonly HistoryRequest[], totalBytes?: number) {
    for (const { threadId, afterSeq, beforePosition, limit } of requests) {
      this.pages.push(`${threadId} ${afterSeq} ${beforePosition} ${limit}`);
    }
    return await super.histories(requests, totalBytes);
  }

  taken(): string[] {
    return this.pages.splice(0);
  }
}

/** As MongoDB: others write to it too. */
class CommonStore extends CountingStore {
  override readonly kind = 'mongodb' as never;
}

function setUp(store = new CountingStore()) {
  let now = 1_000_000;
  return { store, shared: shareReads(store, () => now), pass: (ms: number) => (now += ms) };
}

const seqs = (result: HistoryResult | undefined): number[] => ok(result!).history.messages.map(({ seq }) => seq);

describe('readers of one turn', () => {
  test.each([['embedded', CountingStore] as const, ['mongodb', CommonStore] as const])(
    'share what they read: a page is read once (%s)',
    async (_, Store) => {
      const { store, shared } = setUp(new Store());
      const threadIds: string[] = [];
      for (let i = 0; i < 20; i++) {
        threadIds.push(await newThread(shared));
        await shared.write([append(threadIds[i]!), append(threadIds[i]!)]);
      }
      const clients = Array.from({ length: 100 }, (_, n) =>
        shared.histories(
          threadIds.map((threadId, i) => ({ threadId, actor: user(`u${n}`), afterSeq: (n + i) % 2 })),
          1024 * 1024,
        ),
      );
      for (const [n, results] of (await Promise.all(clients)).entries()) {
        expect(results.map(seqs)).toEqual(threadIds.map((_, i) => ((n + i) % 2 === 0 ? [1, 2] : [2])));
      }
      const pages = store.taken();
      expect(pages).toHaveLength(40);
      expect(new Set(pages).size).toBe(40);
    },
  );

  test('are each asked whether they may read', async () => {
    const { store, shared } = setUp();
    const threadId = await newThread(shared, { members: ['bob'] });
    const actors = [ann, bob, user('eve'), admin];
    const results = await Promise.all(actors.map((actor) => shared.histories([{ threadId, actor }])));
    expect(results.map(([result]) => result!.ok)).toEqual([true, true, false, true]);
    expect(results[2]).toEqual(await store.histories([{ threadId, actor: user('eve') }]));
    const missing = await shared.histories([{ threadId: 'none', actor: ann }]);
    expect(missing).toEqual(await store.histories([{ threadId: 'none', actor: ann }]));
  });

  test('all hear that the store is away, and may ask again', async () => {
    const { store, shared } = setUp();
    const threadId = await newThread(shared);
    store.isAway = true;
    for (const asked of [1, 2].map(() => shared.histories([{ threadId, actor: ann }]))) {
      await expect(asked).rejects.toBeInstanceOf(StoreUnavailable);
    }
    store.isAway = false;
    expect(seqs((await shared.histories([{ threadId, actor: ann }]))[0])).toEqual([]);
  });
});

describe('a page', () => {
  test('is kept until its thread is written to', async () => {
    const { store, shared } = setUp();
    const [threadId, other] = [await newThread(shared), await newThread(shared)];
    const message = await stored(shared, append(threadId));
    const read = async () => seqs((await shared.histories([{ threadId, actor: ann }]))[0]);
    const expectRead = async (expected: number[], times: number): Promise<void> => {
      expect(await read()).toEqual(expected);
      expect(await read()).toEqual(expected);
      expect(store.taken()).toHaveLength(times);
    };
    await expectRead([1], 1);
    await stored(shared, append(other));
    await expectRead([1], 0);
    await stored(shared, append(threadId));
    await expectRead([1, 2], 1);
    await stored(shared, edit(message));
    await expectRead([3, 2], 1);
    await stored(shared, remove(message));
    await expectRead([4, 2], 1);
    await shared.updateThread({ threadId, actor: ann, members: ['bob'], at: clock.tick() });
    await expectRead([4, 2], 1);
    expect((await shared.histories([{ threadId, actor: user('eve') }]))[0]!.ok).toBe(false);
  });

  test('is not kept where others write to the store', async () => {
    const { store, shared } = setUp(new CommonStore());
    const threadId = await newThread(shared);
    await shared.histories([{ threadId, actor: ann }]);
    await stored(store, append(threadId));
    expect(seqs((await shared.histories([{ threadId, actor: ann }]))[0])).toEqual([1]);
  });

  test('that was read before a write is not for those who ask after it', async () => {
    const { store, shared } = setUp();
    const threadId = await newThread(shared);
    const hold = store.hold('histories');
    const before = shared.histories([{ threadId, actor: ann }]);
    await hold.reached;
    await stored(shared, append(threadId));
    const after = shared.histories([{ threadId, actor: ann }]);
    expect(seqs((await after)[0])).toEqual([1]);
    hold.release();
    expect(seqs((await before)[0])).toEqual([]);
    expect(seqs((await shared.histories([{ threadId, actor: ann }]))[0])).toEqual([1]);
  });

  test('is not kept while a write may take effect late', async () => {
    const { store, shared, pass } = setUp();
    const threadId = await newThread(shared);
    const read = async () => seqs((await shared.histories([{ threadId, actor: ann }]))[0]);
    await read();
    store.isAway = true;
    await expect(shared.write([append(threadId)])).rejects.toBeInstanceOf(StoreUnavailable);
    store.isAway = false;
    expect(await read()).toEqual([]);
    await stored(store, append(threadId));
    expect(await read()).toEqual([1]);
    pass(60_000);
    await read();
    store.taken();
    await read();
    expect(store.taken()).toEqual([]);
  });
});

describe('what is shared', () => {
  const actors: readonly Actor[] = [ann, bob, admin];
  const thread = fc.nat({ max: 2 });
  const request = fc.record({
    thread,
    actor: fc.constantFrom(...actors),
    cursor: fc.constantFrom('none', 'afterSeq', 'beforePosition'),
    from: fc.nat({ max: 5 }),
    limit: fc.constantFrom(undefined, 0, 1, 3),
  });
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ do: fc.constant('append' as const), thread, size: fc.nat({ max: 500 }) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('edit' as const), thread, target: fc.nat({ max: 9 }) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), thread, target: fc.nat({ max: 9 }) }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('update' as const), thread, members: fc.subarray(['ann', 'bob']) }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('read' as const),
        /** Made in one turn, each with what it may hold. */
        calls: fc.array(
          fc.record({
            requests: fc.array(request, { minLength: 1, maxLength: 5 }),
            totalBytes: fc.option(fc.nat({ max: 3000 }), { nil: undefined }),
          }),
          { minLength: 1, maxLength: 4 },
        ),
      }),
    },
  );

  async function compare(steps: readonly (typeof step extends fc.Arbitrary<infer S> ? S : never)[]): Promise<void> {
    const { store, shared } = setUp();
    const threadIds = [await newThread(shared), await newThread(shared), await newThread(shared, { members: ['bob'] })];
    const messageOf = async (threadId: string, target: number) => {
      const { messages } = await store.changesAfter(threadId, 0, 100);
      return messages[target % messages.length];
    };
    for (const made of steps) {
      if (made.do === 'read') {
        const calls = made.calls.map(({ requests, totalBytes }) => ({
          requests: requests.map(({ thread, actor, cursor, from, limit }) => ({
            threadId: threadIds[thread]!,
            actor,
            limit,
            ...(cursor === 'none' ? {} : { [cursor]: from }),
          })),
          totalBytes,
        }));
        const ask = async (from: ThreadStore) =>
          (await Promise.all(calls.map((call) => from.histories(call.requests, call.totalBytes)))).map((results) =>
            results.map((result) => (result.ok ? result.history : result)),
          );
        expect(await ask(shared)).toEqual(await ask(store));
        continue;
      }
      const threadId = threadIds[made.thread]!;
      if (made.do === 'append') {
        await shared.write([append(threadId, { actor: admin, content: 'x'.repeat(made.size + 1) })]);
      } else if (made.do === 'update') {
        await shared.updateThread({ threadId, actor: ann, members: made.members, at: clock.tick() });
      } else {
        const message = await messageOf(threadId, made.target);
        if (!message) continue;
        const change = made.do === 'edit' ? edit : remove;
        await shared.write([change(message, { actor: admin })]);
      }
    }
  }

  test('answers as the store itself does, whatever was written, asked together and cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25, size: 'max' }), (steps) => compare(steps)),
      { numRuns: 150, endOnFailure: true },
    );
  }, 60_000);
});
