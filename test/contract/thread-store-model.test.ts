import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { JsonObject } from '@threadwire/protocol';
import type { ThreadStore, WriteOp } from '../../server/src/store/thread-store.ts';
import type { Actor } from '../../server/src/threads/access.ts';
import { runnableBackEnds } from '../support/back-ends.ts';
import type { OpenBackEnd } from '../support/back-ends.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { admin, allMessages, ann, append, bob, clock, newThread, user } from '../support/store-ops.ts';

// Whatever is done to a store, it answers as the one in memory does.

const actors: readonly Actor[] = [ann, bob, user('eve'), admin];
const names = ['ann', 'bob', 'eve'];

const small = { maxLength: 3 };
const actor = fc.constantFrom(...actors);
const thread = fc.nat({ max: 2 });
const content = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 4 }).filter((text) => !text.includes('\0'));
const metadata = fc.oneof(
  fc.constant({}),
  fc.dictionary(fc.constantFrom('a', 'b.c', ''), fc.oneof(fc.integer(), fc.string(small), fc.constant(null)), {
    maxKeys: 2,
    noNullPrototype: true,
  }),
) as fc.Arbitrary<JsonObject>;
/** Which of the messages appended so far. */
const target = fc.nat({ max: 30 });
const ifSeq = fc.option(fc.integer({ min: 1, max: 8 }), { nil: undefined, freq: 4 });

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      thread,
      actor,
      content,
      metadata,
      key: fc.nat({ max: 9 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('edit' as const), target, actor, content, ifSeq }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('edit' as const), target, actor, content, metadata }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), target, actor, ifSeq }) },
);
const call = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      call: fc.constant('write' as const),
      steps: fc.array(step, { minLength: 1, maxLength: 6 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      call: fc.constant('update' as const),
      thread,
      actor,
      members: fc.subarray(names),
      title: fc.string(small),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      call: fc.constant('read' as const),
      thread,
      actor,
      cursor: fc.constantFrom('none', 'afterSeq', 'beforePosition'),
      from: fc.nat({ max: 12 }),
      limit: fc.nat({ max: 6 }),
    }),
  },
);
type Call = typeof call extends fc.Arbitrary<infer C> ? C : never;

/** Does the same to both stores; fails where they answer differently. */
async function compare(store: ThreadStore, calls: readonly Call[]): Promise<void> {
  const model = new MemoryStore();
  const both = async <T>(ask: (store: ThreadStore) => Promise<T>): Promise<T> => {
    const expected = await ask(model);
    expect(await ask(store)).toEqual(expected);
    return expected;
  };
  const threads: string[] = [];
  for (const members of [[], ['bob'], ['ann']]) {
    const id = await newThread(model, { members });
    await newThread(store, { id, members, at: clock.now });
    threads.push(id);
  }
  const appended: { id: string; threadId: string }[] = [];
  const toOp = (made: typeof step extends fc.Arbitrary<infer S> ? S : never): WriteOp => {
    const at = clock.tick();
    if (made.do === 'append') {
      const { actor, content, metadata, key } = made;
      const op = append(threads[made.thread]!, { actor, content, metadata, messageId: `key-${key}`, at });
      appended.push(op);
      return op;
    }
    const { do: kind, target, ...rest } = made;
    const { id, threadId } = appended[target % appended.length] ?? { id: 'none', threadId: threads[0]! };
    return { kind, id, threadId, at, ...rest } as WriteOp;
  };

  for (const made of calls) {
    if (made.call === 'write') {
      const ops = made.steps.map(toOp);
      await both((store) => store.write(ops));
    } else if (made.call === 'update') {
      const { actor, members, title } = made;
      const request = { threadId: threads[made.thread]!, actor, members, title, at: clock.tick() };
      await both((store) => store.updateThread(request));
    } else {
      const { actor, cursor, from, limit } = made;
      const request = {
        threadId: threads[made.thread]!,
        actor,
        limit,
        ...(cursor === 'none' ? {} : { [cursor]: from }),
      };
      await both((store) => store.histories([request]));
    }
  }
  for (const threadId of threads) {
    await both((store) => allMessages(store, threadId));
    await both((store) => store.threads([threadId]));
  }
}

describe.each(runnableBackEnds)('the $name store', (backEnd) => {
  let own: OpenBackEnd;
  beforeAll(async () => {
    own = await backEnd.open();
  });
  afterAll(async () => {
    await own[Symbol.asyncDispose]();
  });

  test('answers as the model does, whatever is asked', async () => {
    const calls = fc.array(call, { maxLength: 12 });
    const numRuns = backEnd.name === 'embedded' ? 60 : 12;
    await fc.assert(
      fc.asyncProperty(calls, (calls) => compare(own.store, calls)),
      { numRuns, endOnFailure: true },
    );
  }, 90_000);
});
