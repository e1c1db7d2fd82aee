import { describe, expect, test } from '@jest/globals';
import { limits, utf8Bytes } from '@threadwire/protocol';
import type { Message } from '@threadwire/protocol';
import { ResponderError } from '../../server/src/responder/responder.ts';
import type { Responder } from '../../server/src/responder/responder.ts';
import { StoreUnavailable } from '../../server/src/store/thread-store.ts';
import { startApp, storeWith } from '../support/app.ts';
import { connectClient } from '../support/client.ts';
import { newGate, sendMany, sendText } from './helpers.ts';
import { answered, echo, gated, joined, of, repliesIn, replyTo } from './reply-helpers.ts';

// Responders that do what they should not, and more messages than can be answered at a time.

/** The whole of what becomes of one message that is answered so. */
async function outcome(respond: Responder): Promise<Message> {
  await using app = await startApp(of(respond));
  const { client, id } = await joined(app.url);
  const reply = await replyTo(client, await sendText(client, id, 'hello'));
  expect(await repliesIn(client, id)).toEqual([reply]);
  await client[Symbol.asyncDispose]();
  return reply;
}

/** Pieces that TypeScript would not let through. */
const saying = (...pieces: unknown[]): Responder =>
  async function* () {
    yield* pieces as string[];
  };

const notMade = { status: 'failed', error: 'The reply could not be made.' };

describe('a responder that', () => {
  test.each<[what: string, respond: Responder, content: string]>([
    [
      'throws before there is anything to wait for',
      () => {
        throw new Error('at once');
      },
      '',
    ],
    ['gives nothing to go through', (() => undefined) as never, ''],
    ['gives a number', saying('so far ', 42), 'so far '],
    ['gives nothing for a piece', saying('so far ', undefined), 'so far '],
    ['gives bytes', saying('so far ', Buffer.from('bytes')), 'so far '],
  ])('%s fails, with what it said before', async (_what, respond, content) => {
    expect(await outcome(respond)).toMatchObject({ ...notMade, content });
  });

  test('ends without a word gives an empty reply', async () => {
    expect(await outcome(saying())).toMatchObject({ status: 'complete', content: '' });
  });

  test.each([
    ['at the end', ['Hello \uD83D'], 'Hello \uFFFD'],
    ['after more than may be under way', [`${'x'.repeat(20_000)}\uD83D`, '\uDE00!'], `${'x'.repeat(20_000)}😀!`],
    ['at the beginning', ['\uDE00 hello'], '\uFFFD hello'],
    ['with U+0000', ['Hello\0'], 'Hello\uFFFD'],
  ])('gives half a pair %s is understood as far as it can be', async (_where, pieces, content) => {
    expect(await outcome(saying(...pieces))).toMatchObject({ status: 'complete', content });
  });

  test('says megabytes in one piece keeps what there is room for, which readers get bit by bit', async () => {
    // Each of its units is six bytes as JSON: in one chunk it would be more than a reader may have undelivered.
    const text = '\u0001'.repeat(5 * 1024 * 1024);
    await using app = await startApp(of(saying(text)));
    const { client, id } = await joined(app.url);
    const question = await sendText(client, id, 'hello');
    let length = 0;
    while (length < limits.maxStreamLength) {
      const { offset, delta } = await client.next('stream_chunk');
      expect(offset).toBe(length);
      expect(delta.length).toBeLessThan(32 * 1024);
      length += delta.length;
    }
    const reply = await replyTo(client, question);
    expect(reply).toMatchObject({ status: 'failed', error: 'The reply is too long.' });
    expect(reply.content).toBe(text.slice(0, limits.maxStreamLength));
    await client[Symbol.asyncDispose]();
  });

  test('does not cut a pair where there is no more room', async () => {
    const reply = await outcome(saying('x', '😀'.repeat(limits.maxStreamLength)));
    expect([reply.content.length, reply.content.isWellFormed()]).toEqual([limits.maxStreamLength - 1, true]);
  });

  test('explains too much is cut short', async () => {
    const failing = (text: string): Responder =>
      async function* () {
        yield 'so far';
        throw new ResponderError(text);
      };
    const { error } = await outcome(failing(`é\0\uD83D${'é'.repeat(10_000)}`));
    expect(error).toMatch(/^é\uFFFD\uFFFDé+$/);
    expect(utf8Bytes(error!)).toBe(limits.maxReasonBytes);
    expect((await outcome(failing(''))).error).toBe(notMade.error);
  });

  test.each<[what: string, next: () => Promise<string>]>([
    ['never ends', () => new Promise(() => undefined)],
    ['goes on', async () => ' and on'],
    ['fails', () => Promise.reject(new Error('too late'))],
  ])('%s when its reply was cancelled does not hold up the next one', async (_what, next) => {
    const gate = newGate();
    const respond: Responder = async function* ({ content }) {
      yield content;
      if (content !== 'first') return;
      await gate.pass();
      for (;;) yield await next();
    };
    await using app = await startApp(of(respond));
    const { client, id } = await joined(app.url);
    const first = await sendText(client, id, 'first');
    const second = await sendText(client, id, 'second');
    const { stream_id } = await client.next('stream_chunk');
    await gate.reached;
    await client.call('stream_cancel', { stream_id });
    gate.open();
    expect(await replyTo(client, first)).toMatchObject({ status: 'cancelled', content: 'first' });
    expect(await replyTo(client, second)).toMatchObject({ status: 'complete', content: 'second' });
    await client[Symbol.asyncDispose]();
  });
});

describe('of a hundred messages at once', () => {
  test.each(['concurrent', 'queue'])('each is answered once, and fully: %s', async (overlap) => {
    let most = 0;
    let running = 0;
    const began: string[] = [];
    const respond: Responder = async function* ({ content }) {
      began.push(content);
      most = Math.max(most, (running += 1));
      await new Promise((resolve) => setImmediate(resolve));
      yield `You said: ${content}`;
      running -= 1;
    };
    await using app = await startApp({ ...of(respond), ratePerSecond: 0 });
    const { client, id } = await joined(app.url, answered(overlap));
    const questions = await sendMany(client, id, 100);
    for (let ended = 0; ended < 100; ended += 1) await client.next('stream_end');
    const replies = await repliesIn(client, id);
    expect(replies.filter(({ status }) => status !== 'complete')).toEqual([]);
    const actual = replies.map(({ message_id, content }) => `${message_id} ${content}`);
    const expected = questions.map(({ id: answeredId, content }) => `reply:${answeredId} You said: ${content}`);
    expect(actual.sort()).toEqual(expected.sort());
    expect(began).toEqual(questions.map(({ content }) => content));
    expect(most).toBe(overlap === 'queue' ? 1 : limits.maxStreamsPerThread);
    await client[Symbol.asyncDispose]();
  });

  test('all but the last are cancelled where each cancels those before it', async () => {
    const { respond, gateOf } = gated();
    await using app = await startApp({ ...of(respond), ratePerSecond: 0 });
    const { client, id } = await joined(app.url, answered('cancel_previous'));
    const questions = await sendMany(client, id, 100);
    const last = questions.at(-1)!;
    gateOf(last.content).open();
    for (let ended = 0; ended < 100; ended += 1) await client.next('stream_end');
    const replies = await repliesIn(client, id);
    expect(replies).toHaveLength(100);
    const complete = replies.filter(({ status }) => status === 'complete');
    expect(complete.map((reply) => [reply.message_id, reply.content])).toEqual([
      [`reply:${last.id}`, `${last.content} begins and ends`],
    ]);
    expect(replies.filter(({ status }) => status === 'cancelled')).toHaveLength(99);
    await client[Symbol.asyncDispose]();
  });
});

test('replies wait for room in a thread that is full of other streams', async () => {
  await using app = await startApp(of(echo));
  const { client, id } = await joined(app.url, answered('concurrent'));
  const streams: string[] = [];
  for (let i = 0; i < limits.maxStreamsPerThread; i += 1) {
    streams.push((await client.call('stream_start', { thread_id: id })).message.id);
  }
  const question = await sendText(client, id, 'hello');
  await client.call('stream_end', { stream_id: streams[0]!, offset: 0, status: 'complete' });
  expect(await replyTo(client, question)).toMatchObject({ status: 'complete', content: 'You said: hello' });
  await client[Symbol.asyncDispose]();
});

test('a message is answered although the store was away when it was to be seen who answers', async () => {
  const away = { isAway: false };
  await using app = await startApp({
    ...of(echo),
    wrapStore: (store) =>
      storeWith(store, {
        threads: async (ids) => {
          if (!away.isAway) return store.threads(ids);
          away.isAway = false;
          throw new StoreUnavailable('away');
        },
      }),
  });
  await using client = await connectClient(app.url, { user: 'ada' });
  const { thread } = await client.call('create_thread', answered());
  await client.call('subscribe_thread', { thread_id: thread.id });
  away.isAway = true;
  expect(await replyTo(client, await sendText(client, thread.id, 'hello'))).toMatchObject({ status: 'complete' });
  expect(away.isAway).toBe(false);
});

test('a message is not answered that came before somebody was asked to, however late it is looked at', async () => {
  const gate = newGate();
  await using app = await startApp({
    ...of(echo),
    wrapStore: (store) =>
      storeWith(store, {
        threads: async (ids) => {
          await gate.pass();
          return store.threads(ids);
        },
      }),
  });
  const { client, id } = await joined(app.url, {});
  await sendText(client, id, 'to nobody');
  await gate.reached;
  await client.call('update_thread', { thread_id: id, ...answered() });
  gate.open();
  await replyTo(client, await sendText(client, id, 'to you'));
  expect((await repliesIn(client, id)).map(({ content }) => content)).toEqual(['You said: to you']);
  await client[Symbol.asyncDispose]();
});
