import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { JsonObject } from '@threadwire/protocol';
import type { EditOp, ThreadStore, WriteOp } from '../../server/src/store/thread-store.ts';
import type { Actor } from '../../server/src/threads/access.ts';
import { runnableBackEnds } from '../support/back-ends.ts';
import type { OpenBackEnd } from '../support/back-ends.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { admin, allMessages, ann, append, bob, clock, newThread, startStream, user } from '../support/store-ops.ts';

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

/** Mostly the one: streams get somewhere. */
const producer = fc.oneof({ weight: 4, arbitrary: fc.constant(ann) }, { weight: 1, arbitrary: actor });
/** How far from what it should be. */
const astray = fc.oneof(
  { weight: 6, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.integer({ min: -3, max: 2 }) },
);
/** How much later than it is now; an end may be too early. */
const lease = fc.nat({ max: 20 });
/** What every stream says: a repeat brings the same. */
const story = 'Once upon a time there was a stream that nobody could stop. '.repeat(10);

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
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('stream_start' as const),
      thread,
      actor: producer,
      metadata,
      key: fc.nat({ max: 4 }),
      lease,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('stream_text' as const),
      target,
      actor: producer,
      epochs: astray,
      units: astray,
      length: fc.nat({ max: 5 }),
      lease,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('stream_end' as const),
      target,
      actor: fc.option(producer, { nil: undefined }),
      status: fc.constantFrom('complete', 'failed', 'cancelled', 'interrupted'),
      epochs: fc.option(astray, { nil: undefined }),
      units: fc.option(astray, { nil: undefined }),
      lease: fc.option(lease, { nil: undefined }),
      error: fc.option(content, { nil: undefined }),
      metadata: fc.option(metadata, { nil: undefined }),
    }),
  },
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
  { weight: 1, arbitrary: fc.record({ call: fc.constant('abandoned' as const), lease }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;
type Call = typeof call extends fc.Arbitrary<infer C> ? C : never;
type Target = Pick<EditOp, 'id' | 'threadId'>;

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
  const appended: Target[] = [];
  /** Those of them that were to be streams. Some are not: their key had been used, or it was refused. */
  const begun: Target[] = [];
  /** What the next op of a stream has to say, as far as can be told before it is done. */
  const expected = new Map<string, { epoch: number; length: number }>();
  /** Those that turned out to be no streams. */
  const unused = new Set<string>();
  const toOp = (made: Step): WriteOp => {
    const at = clock.tick();
    if (made.do === 'append' || made.do === 'stream_start') {
      const { actor, metadata, key } = made;
      const common = { actor, metadata, messageId: `key-${key}`, at };
      const threadId = threads[made.thread]!;
      const op =
        made.do === 'append'
          ? append(threadId, { ...common, content: made.content })
          : startStream(threadId, { ...common, leaseUntil: at + made.lease });
      if (op.kind === 'stream_start') begun.push(op);
      appended.push(op);
      return op;
    }
    const none = { id: 'none', threadId: threads[0]! };
    if (made.do === 'edit' || made.do === 'delete') {
      const { do: kind, target, ...rest } = made;
      const { id, threadId } = appended[target % appended.length] ?? none;
      return { kind, id, threadId, at, ...rest } as WriteOp;
    }
    const streams = made.target % 10 === 0 ? appended : begun.filter(({ id }) => !unused.has(id));
    const { id, threadId } = streams[made.target % streams.length] ?? none;
    const stream = expected.get(id) ?? { epoch: 1, length: 0 };
    expected.set(id, stream);
    const { actor, epochs = 0, units = 0 } = made;
    const [epoch, offset] = [stream.epoch + epochs, Math.max(0, stream.length + units)];
    if (made.do === 'stream_text') {
      const text = story.slice(offset, offset + made.length);
      stream.length = Math.max(stream.length, offset + text.length);
      return { kind: made.do, id, threadId, actor: made.actor, epoch, offset, text, leaseUntil: at + made.lease };
    }
    const { status, error, metadata, lease } = made;
    return {
      kind: made.do,
      id,
      threadId,
      actor,
      status,
      at,
      error,
      metadata,
      ...(made.epochs === undefined ? {} : { epoch }),
      ...(made.units === undefined ? {} : { offset }),
      ...(lease === undefined ? {} : { leaseOverAt: at + lease }),
    };
  };
  const findStreams = async (store: ThreadStore) => await Promise.all(appended.map(({ id }) => store.findStream(id)));

  for (const made of calls) {
    if (made.call === 'write') {
      const ops = made.steps.map(toOp);
      await both((store) => store.write(ops));
      for (const { id } of begun) {
        const stream = await model.findStream(id);
        if (stream) expected.set(id, { epoch: stream.epoch, length: stream.length });
        else unused.add(id);
      }
    } else if (made.call === 'abandoned') {
      await both(async (store) => {
        // Others are in the store too.
        const found = await store.abandonedStreams(clock.now + made.lease, 10_000);
        return found.filter(({ threadId }) => threads.includes(threadId)).toSorted((a, b) => (a.id < b.id ? -1 : 1));
      });
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
  await both(findStreams);
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
    const calls = fc.array(call, { maxLength: 16, size: 'max' });
    const numRuns = backEnd.name === 'embedded' ? 100 : 20;
    await fc.assert(
      fc.asyncProperty(calls, (calls) => compare(own.store, calls)),
      { numRuns, endOnFailure: true },
    );
  }, 90_000);
});
