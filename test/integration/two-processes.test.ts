import { describe, expect, test } from '@jest/globals';
import type { Responder } from '../../server/src/responder/responder.ts';
import { openMongoStore } from '../../server/src/store/mongo/mongo-store.ts';
import { startApp } from '../support/app.ts';
import { connectClient } from '../support/client.ts';
import { eventually } from '../support/eventually.ts';
import { mongodbBackEnd, ownDatabase } from '../support/mongodb-back-end.ts';
import { gated, joined, of, repliesIn } from './reply-helpers.ts';

// Where no MongoDB can be had, the run says so by name, and CI fails on it.
const describeMongodb = mongodbBackEnd.missing === undefined ? describe : describe.skip;

// As while one process takes over from another, before several nodes are a way to run Threadwire.
describeMongodb('two processes on one MongoDB database', () => {
  test('clients of each get what was written through the other, in order, within five seconds', async () => {
    await using database = ownDatabase();
    const { uri } = database;
    await using left = await startApp({ store: await openMongoStore({ uri }) });
    await using right = await startApp({ store: await openMongoStore({ uri }) });
    await using ann = await connectClient(left.url, { user: 'ann' });
    await using bob = await connectClient(right.url, { user: 'bob' });
    await ann.call('create_thread', { id: 't', members: ['bob'] });
    for (const client of [ann, bob]) await client.call('subscribe_thread', { thread_id: 't' });

    for (let i = 1; i <= 3; i += 1) {
      await ann.call('send_message', { thread_id: 't', content: `left ${i}` });
      await bob.call('send_message', { thread_id: 't', content: `right ${i}` });
    }
    for (const client of [ann, bob]) {
      const before = await client.drainUntil('thread_message', ({ seq }) => seq === 6);
      const seqs = before.flatMap(({ event, payload }) => (event === 'thread_message' ? [payload.seq] : []));
      expect(seqs).toEqual([1, 2, 3, 4, 5]);
    }

    await ann.call('update_thread', { thread_id: 't', members: ['carl'] });
    await expect(bob.next('error')).resolves.toMatchObject({ code: 'forbidden', thread_id: 't' });
    await expect(bob.request('send_message', { thread_id: 't', content: 'still there?' })).resolves.toMatchObject({
      ok: false,
      error: { code: 'thread_not_found' },
    });
  });

  test('a stream that runs at one of them is cancelled, and taken over, at the other', async () => {
    await using database = ownDatabase();
    const { uri } = database;
    await using left = await startApp({ store: await openMongoStore({ uri }) });
    await using right = await startApp({ store: await openMongoStore({ uri }) });
    await using producer = await connectClient(left.url, { user: 'bot' });
    await using second = await connectClient(right.url, { user: 'bot' });
    await using reader = await connectClient(right.url, { user: 'ann' });
    const { thread } = await producer.call('create_thread', {});
    const start = { thread_id: thread.id, message_id: 'reply' };
    const { message } = await producer.call('stream_start', start);
    const stream_id = message.id;
    await producer.call('stream_chunk', { stream_id, offset: 0, delta: 'text' });

    expect(await second.call('stream_start', start)).toMatchObject({
      message: { id: stream_id, content: 'text' },
      offset: 4,
      resumed: true,
    });
    await second.call('stream_chunk', { stream_id, offset: 4, delta: ' on' });
    for (const late of [
      await producer.request('stream_chunk', { stream_id, offset: 4, delta: '!' }),
      await producer.request('stream_end', { stream_id, offset: 4, status: 'complete' }),
    ])
      expect(late).toMatchObject({ ok: false, error: { code: 'stream_conflict', details: { fenced: true } } });

    expect(await producer.call('stream_start', start)).toMatchObject({ offset: 7, resumed: true });
    const cancelled = await reader.call('stream_cancel', { stream_id });
    expect(cancelled.message).toMatchObject({ status: 'cancelled', content: 'text on', seq: 2 });
    const late = await producer.request('stream_chunk', { stream_id, offset: 7, delta: '!' });
    expect(late).toMatchObject({ ok: false, error: { code: 'stream_closed', details: { status: 'cancelled' } } });
    expect(await producer.next('stream_cancel')).toEqual({ thread_id: thread.id, stream_id });
    expect(await producer.call('stream_cancel', { stream_id })).toEqual(cancelled);
  });

  test.each([
    ['says the same again', true],
    ['would say something else', false],
  ])(
    'what one was to answer is answered by the other when it is gone, each message once, where its responder %s',
    async (_what, isRepeatable) => {
      await using database = ownDatabase();
      const { uri } = database;
      const { respond, gateOf } = gated();
      const start = async (responder: Responder) =>
        await startApp({ store: await openMongoStore({ uri }), streamLeaseMs: 1000, ...of(responder, isRepeatable) });
      const left = await start(respond);
      await using right = await start(respond);
      await using reader = await connectClient(right.url, { user: 'ada' });
      const { client: sender, id } = await joined(left.url);
      await reader.call('subscribe_thread', { thread_id: id });
      const contents = ['one', 'two', 'three'];
      for (const content of contents) await sender.call('send_message', { thread_id: id, content });
      await gateOf('one').reached;
      expect(await repliesIn(sender, id)).toHaveLength(1);
      await sender[Symbol.asyncDispose]();
      await left[Symbol.asyncDispose]();
      for (const content of contents) gateOf(content).open();

      const first = isRepeatable ? 'one begins and ends' : 'one begins';
      const texts = [first, 'two begins and ends', 'three begins and ends'];
      await eventually(
        'all are answered',
        async () => {
          const replies = await repliesIn(reader, id);
          return replies.length === 3 && replies.every(({ status }) => status !== 'streaming');
        },
        15_000,
      );
      const replies = await repliesIn(reader, id);
      expect(replies.map(({ content }) => content)).toEqual(texts);
      expect(replies.map(({ status }) => status)).toEqual([
        isRepeatable ? 'complete' : 'interrupted',
        'complete',
        'complete',
      ]);
    },
  );
});
