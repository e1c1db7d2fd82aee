import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { limits } from '@threadwire/protocol';
import type { Message } from '@threadwire/protocol';
import type { StreamEndOp, StreamStartOp, StreamTextOp, ThreadStore } from '../../server/src/store/thread-store.ts';
import { runnableBackEnds } from '../support/back-ends.ts';
import type { OpenBackEnd } from '../support/back-ends.ts';
import {
  admin,
  allMessages,
  ann,
  append,
  ascending,
  bob,
  clock,
  edit,
  endStream,
  history,
  newThread,
  ok,
  remove,
  startStream,
  stored,
  storedAll,
  text,
  upTo,
  user,
  write,
  writeAll,
} from '../support/store-ops.ts';

// What every store must do with messages that grow. One store is shared by most tests, each with threads of its own.

const eve = user('eve', { agent: true });
const ends = ['complete', 'failed', 'cancelled', 'interrupted'] as const;
const toTime = (at: number): string => new Date(at).toISOString();

describe.each(runnableBackEnds)('the $name store', (backEnd) => {
  let shared: OpenBackEnd;
  let store: ThreadStore;
  beforeAll(async () => {
    shared = await backEnd.open();
    ({ store } = shared);
  });
  afterAll(async () => {
    await shared[Symbol.asyncDispose]();
  });

  /** A stream of ann's with this text, in a thread that ann and bob may read. */
  async function begin(content = '', fields: Partial<StreamStartOp> = {}): Promise<Message> {
    const threadId = fields.threadId ?? (await newThread(store, { members: ['bob'] }));
    const message = await stored(store, startStream(threadId, fields));
    if (content !== '') ok(await write(store, text(message, 0, content)));
    return { ...message, content };
  }

  /** The only stream of its thread as it is now, whether it has ended or not. */
  async function now(message: Message): Promise<Message> {
    const [found] = await allMessages(store, message.thread_id);
    return found!;
  }

  describe('the start of a stream', () => {
    test('takes a seq and gives an empty message that streams', async () => {
      const threadId = await newThread(store);
      await stored(store, append(threadId));
      const op = startStream(threadId, { metadata: { model: 'm' }, role: 'tool' });
      const result = await write(store, op);
      expect(result).toEqual({
        ok: true,
        changed: true,
        stream: { epoch: 1, length: 0 },
        message: {
          id: op.id,
          thread_id: threadId,
          position: 2,
          seq: 2,
          message_id: op.messageId,
          sender: { id: 'ann', name: 'Ann Ångström' },
          role: 'tool',
          content: '',
          metadata: { model: 'm' },
          status: 'streaming',
          created_at: toTime(op.at),
          updated_at: toTime(op.at),
        },
      });
      expect(await history(store, threadId)).toMatchObject({ head_seq: 2, streaming: [ok(result).message] });
    });

    test('once more takes it up: the text so far, the next epoch, no seq', async () => {
      const threadId = await newThread(store);
      const op = startStream(threadId);
      const message = await stored(store, op);
      for (const epoch of [2, 3, 4]) {
        const content = 'text '.repeat(epoch - 2);
        const again = startStream(threadId, { messageId: op.messageId, metadata: { other: true } });
        expect(await write(store, again)).toEqual({
          ok: true,
          changed: false,
          message: { ...message, content },
          stream: { epoch, length: content.length },
        });
        ok(await write(store, text(message, content.length, 'text ', { epoch })));
      }
      expect((await history(store, threadId)).head_seq).toBe(1);
    });

    test.each(ends)('of one that is %s gives its final message and leaves it alone', async (status) => {
      const message = await begin('abc');
      const ended = await stored(store, endStream(message, { status }));
      const again = startStream(message.thread_id, { messageId: message.message_id });
      for (const op of [again, again]) {
        expect(await write(store, op)).toEqual({
          ok: true,
          changed: false,
          message: ended,
          stream: { epoch: 1, length: 3 },
        });
      }
      expect(await allMessages(store, message.thread_id)).toEqual([ended]);
    });

    test('with the message_id of a plain message is a conflict, also when that was deleted', async () => {
      const threadId = await newThread(store);
      const message = await stored(store, append(threadId));
      const op = startStream(threadId, { messageId: message.message_id });
      const refusal = { ok: false, code: 'stream_conflict' };
      expect(await write(store, op)).toMatchObject(refusal);
      await stored(store, remove(message));
      expect(await write(store, op)).toMatchObject(refusal);
      expect(await write(store, op)).not.toHaveProperty('details');
      expect((await history(store, threadId)).streaming).toEqual([]);
    });

    test('is not repeated by an append of its message_id: that gets the message as it is', async () => {
      const message = await begin('abc');
      const op = append(message.thread_id, { messageId: message.message_id });
      expect(await write(store, op)).toEqual({ ok: true, changed: false, message });
      const ended = await stored(store, endStream(message));
      expect(await write(store, op)).toEqual({ ok: true, changed: false, message: ended });
    });

    test(`is refused while ${limits.maxStreamsPerThread} run in the thread, and takes no seq`, async () => {
      const most = limits.maxStreamsPerThread;
      const threadId = await newThread(store);
      const [first, ...others] = await storedAll(
        store,
        upTo(most).map(() => startStream(threadId)),
      );
      const more = startStream(threadId);
      expect(await writeAll(store, [more, append(threadId)])).toMatchObject([
        { ok: false, code: 'too_many_streams' },
        { ok: true, message: { seq: most + 1 } },
      ]);
      // What runs is not one more, and neither is one of another thread.
      expect(await write(store, startStream(threadId, { messageId: first!.message_id }))).toMatchObject({ ok: true });
      expect(await write(store, startStream(await newThread(store)))).toMatchObject({ ok: true });
      expect(await writeAll(store, [endStream(others[2]!), more, startStream(threadId)])).toMatchObject([
        { ok: true, message: { seq: most + 2 } },
        { ok: true, message: { seq: most + 3 } },
        { ok: false, code: 'too_many_streams' },
      ]);
      expect((await history(store, threadId)).streaming.map(({ id }) => id)).toEqual(
        [first!, ...others.toSpliced(2, 1), more].map(({ id }) => id),
      );
    });

    test('of one message_id, 20 times at once, is one message with a new epoch for each', async () => {
      const threadId = await newThread(store);
      const results = await Promise.all(upTo(20).map(() => write(store, startStream(threadId, { messageId: 'same' }))));
      expect(ascending(results.map((result) => ok(result).stream!.epoch))).toEqual(upTo(20));
      expect(results.filter((result) => ok(result).changed).map((result) => ok(result).stream!.epoch)).toEqual([1]);
      expect(await allMessages(store, threadId)).toHaveLength(1);
    });

    test('of one message_id by two senders is two streams', async () => {
      const threadId = await newThread(store);
      const ops = [ann, bob].map((actor) => startStream(threadId, { actor, messageId: 'same' }));
      expect(await writeAll(store, ops)).toMatchObject(
        [1, 2].map((seq) => ({ changed: true, message: { seq }, stream: { epoch: 1 } })),
      );
    });

    test('is for those who may write to the thread', async () => {
      const threadId = await newThread(store, { members: ['bob'] });
      const results = await writeAll(store, [
        startStream(threadId, { actor: eve }),
        startStream('no-such-thread'),
        startStream(threadId, { actor: bob }),
      ]);
      expect(results).toMatchObject([
        { ok: false, code: 'thread_not_found' },
        { ok: false, code: 'thread_not_found' },
        { ok: true, message: { seq: 1, sender: { id: 'bob' } } },
      ]);
    });
  });

  describe('the text of a stream', () => {
    test('grows where readers see it, and takes no seq and no time', async () => {
      const message = await begin();
      const [thread] = await store.threads([message.thread_id]);
      for (const [offset, added, content] of [
        [0, 'Hello', 'Hello'],
        [5, ', 🌍', 'Hello, 🌍'],
        [9, '\n$set', 'Hello, 🌍\n$set'],
      ] as const) {
        const result = await write(store, text(message, offset, added));
        expect(result).toEqual({ ok: true, length: content.length });
        expect(await history(store, message.thread_id)).toEqual({
          thread,
          messages: [],
          streaming: [{ ...message, content }],
          head_seq: 1,
          recovered: false,
          has_more: false,
        });
      }
      expect((await stored(store, append(message.thread_id))).seq).toBe(2);
    });

    const refusals: [string, Partial<StreamTextOp>, object][] = [
      ['behind a gap', { offset: 7 }, { code: 'stream_conflict', details: { expected_offset: 6 } }],
      [
        'that ends before the stored text does',
        { offset: 0 },
        { code: 'stream_conflict', details: { expected_offset: 6 } },
      ],
      [
        'that is empty, before its end',
        { offset: 5, text: '' },
        { code: 'stream_conflict', details: { expected_offset: 6 } },
      ],
      ['of an older epoch', { epoch: 1 }, { code: 'stream_conflict', details: { fenced: true } }],
      ['of an older epoch, empty', { epoch: 1, text: '' }, { code: 'stream_conflict', details: { fenced: true } }],
      ['of an epoch to come', { epoch: 3 }, { code: 'stream_conflict', details: { fenced: true } }],
      ['of another user', { actor: bob }, { code: 'forbidden' }],
      ['of an admin who did not start it', { actor: admin }, { code: 'forbidden' }],
      ['of who may not read the thread', { actor: eve }, { code: 'stream_not_found' }],
      ['of no stream', { id: 'none' }, { code: 'stream_not_found' }],
      ['in a thread that is not', { threadId: 'none' }, { code: 'stream_not_found' }],
    ];
    test.each(refusals)('%s is refused, and nothing is stored', async (_, fields, refusal) => {
      const message = await begin('abcdef', { leaseUntil: 1 });
      ok(await write(store, startStream(message.thread_id, { messageId: message.message_id, leaseUntil: 2 })));
      const result = await write(store, text(message, 6, 'x', { epoch: 2, ...fields }));
      expect(result).toEqual({ ok: false, message: expect.any(String), ...refusal });
      expect(await now(message)).toEqual(message);
      const abandoned = await store.abandonedStreams(2, 1000);
      expect(abandoned.filter(({ id }) => id === message.id)).toHaveLength(1);
    });

    test('is refused in another thread than its own, and of a plain message', async () => {
      const message = await begin();
      const threadId = await newThread(store);
      const plain = await stored(store, append(threadId));
      for (const op of [text({ ...message, thread_id: threadId }, 0, 'x'), text(plain, 0, 'x')]) {
        expect(await write(store, op)).toMatchObject({ ok: false, code: 'stream_not_found' });
      }
    });

    test.each(ends)('is refused when the stream is %s, whatever else is wrong with it', async (status) => {
      const message = await begin('abc');
      const ended = await stored(store, endStream(message, { status }));
      for (const fields of [{}, { offset: 0 }, { epoch: 9 }, { text: '' }]) {
        const result = await write(store, text(message, 3, 'def', fields));
        expect(result).toMatchObject({ ok: false, code: 'stream_closed', details: { status } });
      }
      expect(await write(store, text(message, 3, 'def', { actor: bob }))).toMatchObject({ code: 'forbidden' });
      expect(await now(message)).toEqual(ended);
    });

    const repeats: [string, number, string, string][] = [
      ['all of which is there', 3, 'def', 'abcdef'],
      ['which begins with the last of what is there', 3, 'defgh', 'abcdefgh'],
      ['which begins with all that is there', 0, 'abcdefgh', 'abcdefgh'],
      ['which is all that is there', 0, 'abcdef', 'abcdef'],
    ];
    test.each(repeats)('%s is appended once', async (_, offset, added, content) => {
      const message = await begin('abc');
      ok(await write(store, text(message, 3, 'def')));
      for (const op of [text(message, offset, added), text(message, offset, added)]) {
        expect(await write(store, op)).toEqual({ ok: true, length: content.length });
      }
      expect(await now(message)).toEqual({ ...message, content });
    });

    test('the same, 20 times at once, is stored once', async () => {
      const message = await begin('abc');
      const op = text(message, 3, 'def');
      const results = await Promise.all(upTo(20).map(() => write(store, op)));
      expect(results).toEqual(upTo(20).map(() => ({ ok: true, length: 6 })));
      expect((await now(message)).content).toBe('abcdef');
    });

    test('goes in order where one batch has several of a stream, among others', async () => {
      const a = await begin();
      const b = await begin('', { threadId: a.thread_id });
      const other = await begin();
      const results = await store.write([
        text(a, 0, 'one '),
        text(b, 0, '1 '),
        text(other, 0, 'eins '),
        text(a, 4, 'two '),
        append(a.thread_id),
        text(b, 2, '2 '),
        text(a, 9, 'no'),
        text(a, 8, 'three'),
        endStream(a, { offset: 13 }),
        text(a, 13, 'four'),
        text(b, 4, '3'),
        text(other, 5, 'zwei'),
      ]);
      expect(
        results.map((result) => (result.ok ? ('length' in result ? result.length : 'message') : result.code)),
      ).toEqual([4, 2, 5, 8, 'message', 4, 'stream_conflict', 13, 'message', 'stream_closed', 5, 9]);
      expect((await allMessages(store, a.thread_id)).map(({ seq, content }) => [seq, content])).toEqual([
        [2, '1 2 3'],
        [3, 'hello'],
        [4, 'one two three'],
      ]);
      expect((await now(other)).content).toBe('eins zwei');
    });

    test('of a start, text and end in one batch is all there', async () => {
      const op = startStream(await newThread(store));
      const message = { id: op.id, thread_id: op.threadId } as Message;
      expect(await store.write([op, text(message, 0, 'all of it'), endStream(message)])).toMatchObject([
        { changed: true, message: { seq: 1, content: '', status: 'streaming' } },
        { ok: true, length: 9 },
        { changed: true, message: { seq: 2, content: 'all of it', status: 'complete' }, stream: { length: 9 } },
      ]);
    });

    test('is that of the one who took the stream over, from then on', async () => {
      const message = await begin('abc');
      const takeOver = startStream(message.thread_id, { messageId: message.message_id });
      const results = await store.write([
        text(message, 3, 'def'),
        takeOver,
        text(message, 6, 'old'),
        text(message, 6, 'new', { epoch: 2 }),
        text(message, 9, 'old'),
        endStream(message, { epoch: 1 }),
        endStream(message, { epoch: 2, offset: 9 }),
      ]);
      const fenced = { ok: false, code: 'stream_conflict', details: { fenced: true } };
      expect(results).toMatchObject([
        { length: 6 },
        { message: { content: 'abcdef' }, stream: { epoch: 2, length: 6 } },
        fenced,
        { length: 9 },
        fenced,
        fenced,
        { ok: true, message: { content: 'abcdefnew', seq: 2 } },
      ]);
    });
  });

  describe('the end of a stream', () => {
    const given: [StreamEndOp['status'], Partial<StreamEndOp>][] = [
      ['complete', { offset: 6, epoch: 1, metadata: { tokens: 3 } }],
      ['failed', { offset: 6, epoch: 1, error: 'no more tokens' }],
      ['cancelled', { actor: bob, reason: 'enough' }],
      ['interrupted', { actor: undefined, epoch: 1 }],
    ];
    test.each(given)('%s takes a seq, and the text becomes the content', async (status, fields) => {
      const message = await begin('abcdef', { metadata: { model: 'm' } });
      const op = endStream(message, { status, ...fields });
      const { error, metadata = { model: 'm' } } = fields;
      const ended = {
        ...message,
        seq: 2,
        status,
        metadata,
        updated_at: toTime(op.at),
        ...(error === undefined ? {} : { error }),
      };
      expect(await write(store, op)).toEqual({
        ok: true,
        changed: true,
        message: ended,
        stream: { epoch: 1, length: 6 },
      });
      expect(await history(store, message.thread_id)).toMatchObject({ head_seq: 2, messages: [ended], streaming: [] });
      const [thread] = await store.threads([message.thread_id]);
      expect(thread).toMatchObject({ head_seq: 2, updated_at: ended.updated_at });
    });

    test('before any text leaves an empty message', async () => {
      const message = await begin();
      const ended = await stored(store, endStream(message, { status: 'cancelled', actor: bob }));
      expect(ended).toMatchObject({ content: '', status: 'cancelled', seq: 2 });
      expect(await now(message)).toEqual(ended);
    });

    const again: [string, StreamEndOp['status'], Partial<StreamEndOp>, object][] = [
      ['complete, the same', 'complete', { status: 'complete', offset: 3 }, {}],
      ['complete, the same of an older producer', 'complete', { status: 'complete', epoch: 7 }, {}],
      ['complete, other metadata', 'complete', { status: 'complete', metadata: { late: true } }, {}],
      ['failed, the same', 'failed', { status: 'failed', offset: 3, error: 'other' }, {}],
      ...ends.flatMap((status) => [
        [`${status}, a cancel`, status, { status: 'cancelled', actor: bob }, {}] as const,
        [
          `${status}, an interruption`,
          status,
          { status: 'interrupted', actor: undefined, leaseOverAt: 0 },
          {},
        ] as const,
      ]),
      [
        'complete, elsewhere',
        'complete',
        { status: 'complete', offset: 2 },
        { code: 'stream_conflict', details: { expected_offset: 3 } },
      ],
      [
        'complete, now failed',
        'complete',
        { status: 'failed', offset: 3 },
        { code: 'stream_closed', details: { status: 'complete' } },
      ],
      [
        'failed, now complete',
        'failed',
        { status: 'complete', offset: 3 },
        { code: 'stream_closed', details: { status: 'failed' } },
      ],
      [
        'cancelled',
        'cancelled',
        { status: 'complete', offset: 3 },
        { code: 'stream_closed', details: { status: 'cancelled' } },
      ],
      [
        'cancelled, elsewhere',
        'cancelled',
        { status: 'failed', offset: 1 },
        { code: 'stream_closed', details: { status: 'cancelled' } },
      ],
      [
        'interrupted',
        'interrupted',
        { status: 'complete' },
        { code: 'stream_closed', details: { status: 'interrupted' } },
      ],
      ['complete, of another user', 'complete', { status: 'complete', actor: bob }, { code: 'forbidden' }],
    ] as [string, StreamEndOp['status'], Partial<StreamEndOp>, object][];
    test.each(again)('once more, of one that is %s, changes nothing', async (_, status, fields, refusal) => {
      const message = await begin('abc');
      const ended = await stored(store, endStream(message, { status }));
      expect(await write(store, endStream(message, fields))).toEqual(
        'code' in refusal
          ? { ok: false, message: expect.any(String), ...refusal }
          : { ok: true, changed: false, message: ended, stream: { epoch: 1, length: 3 } },
      );
      expect(await history(store, message.thread_id)).toMatchObject({ head_seq: 2, messages: [ended] });
    });

    const refusals: [string, Partial<StreamEndOp>, object][] = [
      ['before the end of its text', { offset: 2 }, { code: 'stream_conflict', details: { expected_offset: 3 } }],
      ['behind the end of its text', { offset: 4 }, { code: 'stream_conflict', details: { expected_offset: 3 } }],
      [
        'by a producer of an older epoch',
        { epoch: 1, offset: 3 },
        { code: 'stream_conflict', details: { fenced: true } },
      ],
      ['by another user', { actor: bob }, { code: 'forbidden' }],
      ['as failed by another user', { actor: admin, status: 'failed' }, { code: 'forbidden' }],
      ['by who may not read the thread', { actor: eve, status: 'cancelled' }, { code: 'stream_not_found' }],
      ['of another id', { id: 'none', status: 'cancelled' }, { code: 'stream_not_found' }],
      ['in a thread that is not', { threadId: 'none', status: 'cancelled' }, { code: 'stream_not_found' }],
      [
        'while its lease lasts',
        { actor: undefined, status: 'interrupted', leaseOverAt: 99 },
        { code: 'stream_conflict' },
      ],
      [
        'by the server of one taken over',
        { actor: undefined, status: 'interrupted', epoch: 1, leaseOverAt: 100 },
        { code: 'stream_conflict', details: { fenced: true } },
      ],
    ];
    test.each(refusals)('%s is refused, and it goes on', async (_, fields, refusal) => {
      const message = await begin('abc');
      ok(await write(store, startStream(message.thread_id, { messageId: message.message_id, leaseUntil: 100 })));
      expect(await write(store, endStream(message, fields))).toEqual({
        ok: false,
        message: expect.any(String),
        ...refusal,
      });
      expect(await now(message)).toEqual(message);
      expect(await write(store, text(message, 3, 'def', { epoch: 2 }))).toEqual({ ok: true, length: 6 });
    });

    test('of a plain message is refused', async () => {
      const plain = await stored(store, append(await newThread(store)));
      const result = await write(store, endStream(plain, { status: 'cancelled' }));
      expect(result).toMatchObject({ ok: false, code: 'stream_not_found' });
    });

    test('by a lease waits for the last that was given', async () => {
      const message = await begin('', { leaseUntil: 100 });
      const interrupt = (leaseOverAt: number) =>
        write(store, endStream(message, { status: 'interrupted', actor: undefined, leaseOverAt }));
      ok(await write(store, text(message, 0, 'a', { leaseUntil: 200 })));
      expect(await interrupt(199)).toMatchObject({ ok: false, code: 'stream_conflict' });
      ok(await write(store, text(message, 1, '', { leaseUntil: 300 })));
      expect(await interrupt(299)).toMatchObject({ ok: false, code: 'stream_conflict' });
      ok(await write(store, startStream(message.thread_id, { messageId: message.message_id, leaseUntil: 400 })));
      expect(await interrupt(399)).toMatchObject({ ok: false, code: 'stream_conflict' });
      expect(await interrupt(400)).toMatchObject({ ok: true, changed: true, message: { status: 'interrupted' } });
    });

    test('by many at once happens once', async () => {
      const message = await begin('abc');
      const results = await Promise.all(
        upTo(24).map((n) => {
          const status = ends[n % 4]!;
          return write(store, endStream(message, { status }));
        }),
      );
      const effects = results.flatMap((result) => (result.ok && result.changed ? [result.message] : []));
      expect(effects).toEqual([await now(message)]);
      expect(effects[0]!.seq).toBe(2);
    });
  });

  describe('a message that streams', () => {
    test('cannot be edited or deleted until it has ended', async () => {
      const message = await begin('abc');
      const conflict = { ok: false, code: 'stream_conflict' };
      expect(await write(store, edit(message))).toMatchObject(conflict);
      expect(await write(store, remove(message))).toMatchObject(conflict);
      expect(await write(store, remove(message, { actor: admin }))).toMatchObject(conflict);
      expect(await write(store, edit(message, { actor: bob }))).toMatchObject({ ok: false, code: 'forbidden' });
      expect(await now(message)).toEqual(message);
      const results = await writeAll(store, [endStream(message, { status: 'cancelled' }), remove(message)]);
      expect(results).toMatchObject([
        { ok: true, message: { seq: 2, content: 'abc', status: 'cancelled' } },
        { ok: true, message: { seq: 3, content: '', status: 'deleted' } },
      ]);
    });

    test('keeps its length when it is edited and deleted after its end', async () => {
      const message = await begin('abcdef');
      const ended = await stored(store, endStream(message, { status: 'failed', error: 'broke' }));
      const { members, created_by } = (await store.threads([message.thread_id]))[0]!;
      const expected = { thread: { members, created_by }, epoch: 1, length: 6 };
      const edited = await stored(store, edit(ended, { content: 'ab' }));
      expect(edited).toMatchObject({ seq: 3, content: 'ab', status: 'failed', error: 'broke' });
      expect(await store.findStream(message.id)).toEqual({ ...expected, message: edited });
      const deleted = await stored(store, remove(edited));
      // Why it failed may repeat what was in it.
      expect(deleted).not.toHaveProperty('error');
      expect(await store.findStream(message.id)).toEqual({ ...expected, message: deleted });
      const closed = { ok: false, code: 'stream_closed', details: { status: 'deleted' } };
      expect(await write(store, endStream(message, { offset: 6 }))).toMatchObject(closed);
      expect(await write(store, startStream(message.thread_id, { messageId: message.message_id }))).toEqual({
        ok: true,
        changed: false,
        message: deleted,
        stream: { epoch: 1, length: 6 },
      });
    });

    test('is on the list of those that stream in every page, and never among the others', async () => {
      const threadId = await newThread(store);
      await stored(store, append(threadId));
      const first = await begin('first', { threadId });
      const plain = await storedAll(
        store,
        upTo(3).map(() => append(threadId)),
      );
      const second = await begin('second', { threadId });
      await stored(store, edit(plain[0]!));
      const streaming = [first, second];
      for (const [request, seqs] of [
        [{}, [1, 7, 4, 5]],
        [{ limit: 0 }, []],
        [{ limit: 2 }, [4, 5]],
        [{ afterSeq: 0 }, [1, 4, 5, 7]],
        [{ afterSeq: 0, limit: 1 }, [1]],
        [{ afterSeq: 4 }, [5, 7]],
        [{ afterSeq: 7 }, []],
        [{ afterSeq: 99, limit: 1 }, [5]],
        [{ beforePosition: 1 }, []],
        [{ beforePosition: 5, limit: 1 }, [4]],
      ] as const) {
        const page = await history(store, threadId, request);
        expect({ request, streaming: page.streaming }).toEqual({ request, streaming });
        expect({ request, seqs: page.messages.map(({ seq }) => seq) }).toEqual({ request, seqs });
      }
      const other = await newThread(store);
      const results = await store.histories([other, threadId, other].map((id) => ({ threadId: id, actor: ann })));
      expect(results.map((result) => ok(result).history.streaming)).toEqual([[], streaming, []]);
      expect((await store.changesAfter(threadId, 1, 10)).messages.map(({ content }) => content)).toEqual([
        'first',
        'hello',
        'hello',
        'second',
        'edited',
      ]);
    });

    test('is found by its id, with who may read it; a plain message is not', async () => {
      const message = await begin('abc');
      const plain = await stored(store, append(message.thread_id));
      const thread = { members: ['bob'], created_by: 'ann' };
      expect(await store.findStream(message.id)).toEqual({ thread, message, epoch: 1, length: 3 });
      const again = startStream(message.thread_id, { messageId: message.message_id });
      await stored(store, again);
      const ended = await stored(store, endStream(message));
      expect(await store.findStream(message.id)).toEqual({ thread, message: ended, epoch: 2, length: 3 });
      for (const id of [plain.id, again.id, 'none']) expect(await store.findStream(id)).toBeUndefined();
    });

    test('takes numbers with all else without a gap', async () => {
      const threadId = await newThread(store);
      const results = await Promise.all(
        upTo(30).map(async (n) => {
          const op = startStream(threadId, { messageId: `stream-${n % 6}` });
          const begun = ok(await write(store, op));
          const { epoch, length } = begun.stream!;
          const { message } = begun;
          return [
            begun,
            ...(await writeAll(store, [append(threadId), text(message, length, `${n} `, { epoch })])),
            ...(n % 4 === 0 ? [await write(store, endStream(message, { status: 'cancelled' }))] : []),
          ];
        }),
      );
      const seqs = results
        .flat()
        .flatMap((result) => ('changed' in result && result.changed ? [result.message.seq] : []));
      const { head_seq: head } = await history(store, threadId);
      expect(ascending(seqs)).toEqual(upTo(head));
      expect(head).toBeGreaterThan(36);
    });

    test('is as it was when the store is opened again', async () => {
      await using own = await backEnd.open();
      const threadId = await newThread(own.store);
      const [streaming, ending] = await storedAll(own.store, [startStream(threadId), startStream(threadId)]);
      await own.store.write([text(streaming!, 0, 'still '), text(ending!, 0, 'was it')]);
      await own.store.write([text(streaming!, 6, 'here'), startStream(threadId, { messageId: streaming!.message_id })]);
      const ended = await stored(own.store, endStream(ending!));

      const again = await own.reopen();
      expect(await allMessages(again, threadId)).toEqual([{ ...streaming, content: 'still here' }, ended]);
      expect(await again.findStream(ending!.id)).toMatchObject({ epoch: 1, length: 6 });
      const results = await again.write([
        text(streaming!, 10, '?'),
        text(streaming!, 10, '!', { epoch: 2 }),
        endStream(streaming!, { epoch: 2, offset: 11 }),
      ]);
      expect(results).toMatchObject([
        { ok: false, details: { fenced: true } },
        { ok: true, length: 11 },
        { ok: true, message: { content: 'still here!', seq: 4 } },
      ]);
    });
  });

  describe('abandoned streams', () => {
    test('are those that have not ended and whose lease has run out', async () => {
      await using own = await backEnd.open();
      const threads = [await newThread(own.store), await newThread(own.store, { members: ['bob'] })];
      const start = (threadId: string, leaseUntil: number) => startStream(threadId, { leaseUntil });
      const [a, b] = threads as [string, string];
      const [first, second, renewed, taken, ended] = (await storedAll(own.store, [
        start(a, 100),
        start(b, 200),
        start(a, 100),
        start(b, 100),
        start(a, 100),
      ])) as [Message, Message, Message, Message, Message];
      await own.store.write([
        append(a),
        text(renewed, 0, '', { leaseUntil: 300 }),
        startStream(b, { messageId: taken.message_id, leaseUntil: 250 }),
        endStream(ended),
      ]);
      const abandoned = async (at: number, limit = 10) => {
        const found = await own.store.abandonedStreams(at, limit);
        return found.toSorted((x, y) => (x.id < y.id ? -1 : 1));
      };
      const asFound = (messages: Message[]) =>
        messages
          .map((message) => ({ threadId: message.thread_id, id: message.id, epoch: message === taken ? 2 : 1 }))
          .toSorted((x, y) => (x.id < y.id ? -1 : 1));
      expect(await abandoned(99)).toEqual([]);
      expect(await abandoned(100)).toEqual(asFound([first]));
      expect(await abandoned(200)).toEqual(asFound([first, second]));
      expect(await abandoned(299)).toEqual(asFound([first, second, taken]));
      expect(await abandoned(clock.now)).toEqual(asFound([first, second, taken, renewed]));
      expect(await abandoned(clock.now, 3)).toHaveLength(3);
    });
  });
});
