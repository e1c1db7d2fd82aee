import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { limits } from '@threadwire/protocol';
import type { Answer, ClientEvent, Message } from '@threadwire/protocol';
import { startApp } from '../support/app.ts';
import type { App } from '../support/app.ts';
import { runnableBackEnds } from '../support/back-ends.ts';
import { connectClient } from '../support/client.ts';
import type { TestClient } from '../support/client.ts';
import { fresh, jwtAuth, newThread, sendText, tokenFor } from './helpers.ts';

/** The error of an answer, as far as clients act on it. */
function errorOf(answer: Answer<ClientEvent>) {
  return answer.ok ? 'ok' : { code: answer.error.code, ...(answer.error.details && { details: answer.error.details }) };
}

describe.each(runnableBackEnds)('streams, on $name', ({ name }) => {
  let app: App;
  beforeAll(async () => {
    app = await startApp({ backEnd: name, ratePerSecond: 0 });
  });
  afterAll(async () => app[Symbol.asyncDispose]());

  const connect = (user: string, { url } = app) => connectClient(url, { user });

  /** A stream with this much text, in a thread that a reader is subscribed to. */
  async function running(text = '', on = app): Promise<Running> {
    const producer = await connect('bot', on);
    const reader = await connect('ada', on);
    const { id: thread_id } = await newThread(reader);
    await reader.call('subscribe_thread', { thread_id });
    const message_id = fresh('s');
    const { message } = await producer.call('stream_start', { thread_id, message_id });
    const stream_id = message.id;
    if (text !== '') await producer.call('stream_chunk', { stream_id, offset: 0, delta: text });
    return {
      producer,
      reader,
      thread_id,
      stream_id,
      message_id,
      message,
      async [Symbol.asyncDispose]() {
        await producer[Symbol.asyncDispose]();
        await reader[Symbol.asyncDispose]();
      },
    };
  }

  /** The stream's message as the store has it now. */
  async function stored({ reader, thread_id, stream_id }: Running): Promise<Message> {
    const { messages, streaming } = await reader.call('fetch_history', { thread_id });
    return [...messages, ...streaming].find(({ id }) => id === stream_id)!;
  }

  test('start, text and end reach the subscribers, and make the message', async () => {
    await using run = await running();
    const { producer, reader, thread_id, stream_id, message } = run;
    expect(message).toMatchObject({ status: 'streaming', content: '', role: 'assistant', seq: 1, position: 1 });
    expect(await reader.next('stream_start')).toEqual(message);

    expect(await producer.call('stream_chunk', { stream_id, offset: 0, delta: 'Hello' })).toEqual({ offset: 5 });
    expect(await reader.next('stream_chunk')).toEqual({ thread_id, stream_id, offset: 0, delta: 'Hello' });
    expect(await producer.call('stream_chunk', { stream_id, offset: 5, delta: ' world' })).toEqual({ offset: 11 });
    expect(await reader.next('stream_chunk')).toEqual({ thread_id, stream_id, offset: 5, delta: ' world' });

    const metadata = { model: 'm' };
    const ended = await producer.call('stream_end', { stream_id, offset: 11, status: 'complete', metadata });
    expect(ended.message).toEqual({
      ...message,
      seq: 2,
      content: 'Hello world',
      status: 'complete',
      metadata,
      updated_at: expect.any(String),
    });
    expect(await reader.next('stream_end')).toEqual({
      thread_id,
      stream_id,
      seq: 2,
      status: 'complete',
      length: 11,
      metadata,
      updated_at: ended.message.updated_at,
    });
    expect(await stored(run)).toEqual(ended.message);
  });

  test('a stream may fail, with an error, and without any text', async () => {
    await using run = await running();
    const { producer, reader, stream_id } = run;
    const { message } = await producer.call('stream_end', {
      stream_id,
      offset: 0,
      status: 'failed',
      error: 'no model',
    });
    expect(message).toMatchObject({ status: 'failed', content: '', error: 'no model' });
    expect(await reader.next('stream_end')).toMatchObject({ status: 'failed', error: 'no model', length: 0 });
    expect(await stored(run)).toEqual(message);
  });

  test('who comes late gets the text so far, and then the rest, once', async () => {
    await using run = await running('so far');
    const { producer, thread_id, stream_id } = run;
    await using late = await connect('late');
    const history = await late.call('subscribe_thread', { thread_id });
    expect(history.messages).toEqual([]);
    expect(history.streaming).toEqual([{ ...run.message, content: 'so far' }]);
    await producer.call('stream_chunk', { stream_id, offset: 6, delta: ', and on' });
    expect(await late.next('stream_chunk')).toEqual({ thread_id, stream_id, offset: 6, delta: ', and on' });
  });

  test('who slept through all of it gets the message by after_seq', async () => {
    await using run = await running('text');
    const { producer, reader, thread_id, stream_id } = run;
    await producer.call('stream_end', { stream_id, offset: 4, status: 'complete' });
    const history = await reader.call('fetch_history', { thread_id, after_seq: 0 });
    expect(history).toMatchObject({ recovered: true, streaming: [], head_seq: 2 });
    expect(history.messages).toMatchObject([{ id: stream_id, content: 'text', status: 'complete', seq: 2 }]);
  });

  describe('a chunk', () => {
    test('may be sent on without waiting, and is acknowledged when it is stored', async () => {
      await using run = await running();
      const { producer, stream_id } = run;
      const words = Array.from({ length: 50 }, (_, i) => `word${i} `);
      let offset = 0;
      const answers = words.map((delta) => {
        const answer = producer.call('stream_chunk', { stream_id, offset, delta });
        offset += delta.length;
        return answer;
      });
      const lengths = (await Promise.all(answers)).map((answer) => answer.offset);
      expect(lengths.at(-1)).toBe(offset);
      expect(lengths).toEqual([...lengths].sort((a, b) => a - b));
      expect((await stored(run)).content).toBe(words.join(''));
    });

    test.each([
      ['a repeat', 0, 'text', 'ok'],
      ['a repeat of a part', 1, 'ex', 'ok'],
      ['an overlap', 2, 'xt and more', 'ok'],
      ['nothing', 4, '', 'ok'],
      ['a gap', 5, 'more', { code: 'stream_conflict', details: { expected_offset: 4 } }],
      ['other text', 2, 'XX', { code: 'stream_conflict', details: { expected_offset: 4 } }],
      ['an overlap with other text', 2, 'xT and more', { code: 'stream_conflict', details: { expected_offset: 4 } }],
    ])('that is %s', async (_what, offset, delta, expected) => {
      await using run = await running('text');
      const answer = await run.producer.request('stream_chunk', { stream_id: run.stream_id, offset, delta });
      expect(errorOf(answer)).toEqual(expected);
      expect((await stored(run)).content).toBe(delta.endsWith('and more') && answer.ok ? 'text and more' : 'text');
    });

    test('may end in half of a surrogate pair, which waits for its mate', async () => {
      await using run = await running();
      const { producer, reader, stream_id } = run;
      const first = producer.call('stream_chunk', { stream_id, offset: 0, delta: 'a\uD83D' });
      expect(await reader.next('stream_chunk')).toMatchObject({ offset: 0, delta: 'a' });
      const second = producer.call('stream_chunk', { stream_id, offset: 2, delta: '\uDE00b' });
      expect(await reader.next('stream_chunk')).toMatchObject({ offset: 1, delta: '\uD83D\uDE00b' });
      expect([await first, await second]).toEqual([{ offset: 4 }, { offset: 4 }]);
    });

    test('whose half of a pair never gets a mate has U+FFFD in its place', async () => {
      await using run = await running();
      const { producer, reader, stream_id } = run;
      const chunk = producer.call('stream_chunk', { stream_id, offset: 0, delta: 'a\uD83D' });
      const { message } = await producer.call('stream_end', { stream_id, offset: 2, status: 'complete' });
      expect(await chunk).toEqual({ offset: 2 });
      expect(message.content).toBe('a\uFFFD');
      const text = [await reader.next('stream_chunk'), await reader.next('stream_chunk')];
      expect(text.map(({ delta }) => delta).join('')).toBe('a\uFFFD');
    });

    test.each([
      ['low after no high', '', '\uDE00'],
      ['another character after high', 'a\uD83D', 'b'],
    ])('with half of a pair is refused: %s', async (_what, before, delta) => {
      await using run = await running();
      const { producer, stream_id } = run;
      if (before !== '') producer.send('stream_chunk', { stream_id, offset: 0, delta: before });
      const answer = await producer.request('stream_chunk', { stream_id, offset: before.length, delta });
      expect(answer).toMatchObject({
        ok: false,
        error: { code: 'invalid_payload', details: { issues: [{ path: 'delta' }] } },
      });
    });

    test('beyond the longest text is too large, and the stream goes on', async () => {
      await using run = await running('x');
      const { producer, stream_id } = run;
      const most = 'y'.repeat(limits.maxStreamLength - 1);
      const tooMuch = await producer.request('stream_chunk', { stream_id, offset: 1, delta: `${most}z` });
      expect(errorOf(tooMuch)).toEqual({ code: 'payload_too_large' });
      expect(await producer.call('stream_chunk', { stream_id, offset: 1, delta: most })).toEqual({
        offset: limits.maxStreamLength,
      });
      const end = { stream_id, offset: limits.maxStreamLength, status: 'complete' } as const;
      expect((await producer.call('stream_end', end)).message.content).toBe(`x${most}`);
    });

    test.each([
      ['of another connection of the producer', 'bot', { code: 'stream_conflict', details: { fenced: true } }],
      ['of another user', 'eve', { code: 'forbidden' }],
    ])('%s is refused', async (_what, user, expected) => {
      await using run = await running('text');
      await using other = await connect(user);
      const chunk = { stream_id: run.stream_id, offset: 4, delta: 'more' };
      expect(errorOf(await other.request('stream_chunk', chunk))).toEqual(expected);
      const end = { stream_id: run.stream_id, offset: 4, status: 'complete' } as const;
      expect(errorOf(await other.request('stream_end', end))).toEqual(expected);
      expect(await stored(run)).toMatchObject({ content: 'text', status: 'streaming' });
    });

    test('for what is no stream is stream_not_found, and for a thread that one may not read', async () => {
      await using ada = await connect('ada');
      await using bot = await connect('bot');
      const { id: thread_id } = await newThread(bot, { members: ['carl'] });
      const { message } = await bot.call('stream_start', { thread_id });
      const plain = await sendText(bot, thread_id, 'plain');
      for (const stream_id of [message.id, plain.id, 'nothing']) {
        const refusals = [
          await ada.request('stream_chunk', { stream_id, offset: 0, delta: 'x' }),
          await ada.request('stream_end', { stream_id, offset: 0, status: 'complete' }),
          await ada.request('stream_cancel', { stream_id }),
        ];
        const refused = { code: 'stream_not_found' };
        expect(refusals.map(errorOf)).toEqual([refused, refused, refused]);
      }
    });
  });

  describe('the start', () => {
    test('again resumes, tells where to go on, and takes no seq', async () => {
      await using run = await running('text');
      const { producer, thread_id, message_id, message } = run;
      const again = await producer.call('stream_start', { thread_id, message_id });
      expect(again).toEqual({ message: { ...message, content: 'text' }, offset: 4, resumed: true });
      await producer.call('stream_chunk', { stream_id: message.id, offset: 4, delta: '!' });
      expect(await stored(run)).toMatchObject({ content: 'text!', seq: 1 });
    });

    test('from another connection takes the stream over: the earlier one is fenced', async () => {
      await using run = await running('text');
      const { producer, reader, thread_id, message_id, stream_id } = run;
      await using second = await connect('bot');
      // What was accepted before belongs to it.
      producer.send('stream_chunk', { stream_id, offset: 4, delta: ' and' });
      await producer.call('ping', {});
      const { offset, resumed } = await second.call('stream_start', { thread_id, message_id });
      expect({ offset, resumed }).toEqual({ offset: 8, resumed: true });
      const late = await producer.request('stream_chunk', { stream_id, offset: 8, delta: 'lost' });
      expect(errorOf(late)).toEqual({ code: 'stream_conflict', details: { fenced: true } });
      const end = await producer.request('stream_end', { stream_id, offset: 8, status: 'complete' });
      expect(errorOf(end)).toEqual({ code: 'stream_conflict', details: { fenced: true } });
      await second.call('stream_chunk', { stream_id, offset: 8, delta: ' on' });
      await second.call('stream_end', { stream_id, offset: 11, status: 'complete' });
      const arrivals = await reader.drainUntil('stream_end');
      const text = arrivals.flatMap((arrival) => (arrival.event === 'stream_chunk' ? [arrival.payload.delta] : []));
      expect(text.join('')).toBe('text and on');
      expect((await stored(run)).content).toBe('text and on');
    });

    test('of a stream that has ended answers its message', async () => {
      await using run = await running('text');
      const { producer, thread_id, message_id, stream_id } = run;
      const { message } = await producer.call('stream_end', { stream_id, offset: 4, status: 'complete' });
      expect(await producer.call('stream_start', { thread_id, message_id })).toEqual({
        message,
        offset: 4,
        resumed: true,
      });
    });

    test('with the message_id of a plain message is a conflict', async () => {
      await using bot = await connect('bot');
      const { id: thread_id } = await newThread(bot);
      await bot.call('send_message', { thread_id, content: 'plain', message_id: 'same' });
      const answer = await bot.request('stream_start', { thread_id, message_id: 'same' });
      expect(errorOf(answer)).toEqual({ code: 'stream_conflict' });
    });

    test('of the same stream by many connections at once makes one, for one of them', async () => {
      await using run = await running();
      const { reader, thread_id } = run;
      const bots = await Promise.all(Array.from({ length: 5 }, () => connect('bot')));
      const message_id = fresh('one');
      const starts = await Promise.all(bots.map((bot) => bot.call('stream_start', { thread_id, message_id })));
      expect(new Set(starts.map(({ message }) => message.id)).size).toBe(1);
      expect(starts.filter(({ resumed }) => !resumed)).toHaveLength(1);
      const chunk = { stream_id: starts[0]!.message.id, offset: 0, delta: 'mine' };
      const chunks = await Promise.all(bots.map((bot) => bot.request('stream_chunk', chunk)));
      expect(chunks.filter(({ ok }) => ok)).toHaveLength(1);
      expect((await reader.call('fetch_history', { thread_id })).head_seq).toBe(2);
      for (const bot of bots) await bot[Symbol.asyncDispose]();
    });

    test('of more than 8 at a time in a thread is refused, until one ends', async () => {
      await using bot = await connect('bot');
      const { id: thread_id } = await newThread(bot);
      const start = () => bot.request('stream_start', { thread_id });
      const starts = await Promise.all(Array.from({ length: limits.maxStreamsPerThread + 1 }, start));
      expect(starts.map(errorOf)).toEqual([...Array<string>(8).fill('ok'), { code: 'too_many_streams' }]);
      const [first] = starts;
      if (!first?.ok) throw new Error('the first was refused');
      await bot.call('stream_end', { stream_id: first.data.message.id, offset: 0, status: 'complete' });
      expect(errorOf(await start())).toBe('ok');
    });

    test('of more than 100 at a time on a connection is refused', async () => {
      await using bot = await connect('bot');
      const threads = await Promise.all(Array.from({ length: 13 }, () => newThread(bot)));
      const starts = await Promise.all(
        Array.from({ length: 101 }, (_, i) => bot.request('stream_start', { thread_id: threads[i % 13]!.id }, 20_000)),
      );
      expect(starts.filter(({ ok }) => !ok).map(errorOf)).toEqual([{ code: 'too_many_streams' }]);
      // Each of them would be renewed until the server is closed.
      for (const start of starts) {
        if (start.ok) await bot.call('stream_cancel', { stream_id: start.data.message.id }, 20_000);
      }
    });
  });

  describe('the end', () => {
    test.each([
      ['the same', 'complete', 4, 'ok'],
      ['another offset', 'complete', 3, { code: 'stream_conflict', details: { expected_offset: 4 } }],
      ['another status', 'failed', 4, { code: 'stream_closed', details: { status: 'complete' } }],
    ] as const)('again: %s', async (_what, status, offset, expected) => {
      await using run = await running('text');
      const { producer, stream_id } = run;
      const first = await producer.call('stream_end', { stream_id, offset: 4, status: 'complete' });
      // From any connection of the producer's: the first may have broken before it was answered.
      await using second = await connect('bot');
      const again = await second.request('stream_end', { stream_id, offset, status });
      expect(errorOf(again)).toEqual(expected);
      if (again.ok) expect(again.data).toEqual(first);
      expect((await stored(run)).seq).toBe(2);
    });

    test('at a wrong offset is a conflict, and the stream goes on', async () => {
      await using run = await running('text');
      const { producer, stream_id } = run;
      const answer = await producer.request('stream_end', { stream_id, offset: 3, status: 'complete' });
      expect(errorOf(answer)).toEqual({ code: 'stream_conflict', details: { expected_offset: 4 } });
      expect(await producer.call('stream_chunk', { stream_id, offset: 4, delta: '!' })).toEqual({ offset: 5 });
    });

    test('closes the stream for text', async () => {
      await using run = await running('text');
      const { producer, stream_id } = run;
      await producer.call('stream_end', { stream_id, offset: 4, status: 'failed' });
      const answer = await producer.request('stream_chunk', { stream_id, offset: 4, delta: '!' });
      expect(errorOf(answer)).toEqual({ code: 'stream_closed', details: { status: 'failed' } });
    });

    test('takes everything that was sent before it', async () => {
      await using run = await running();
      const { producer, reader, stream_id } = run;
      for (let i = 0; i < 20; i++) producer.send('stream_chunk', { stream_id, offset: i, delta: 'x' });
      const { message } = await producer.call('stream_end', { stream_id, offset: 20, status: 'complete' });
      expect(message.content).toBe('x'.repeat(20));
      const arrivals = await reader.drainUntil('stream_end');
      const text = arrivals.flatMap((arrival) => (arrival.event === 'stream_chunk' ? [arrival.payload.delta] : []));
      expect(text.join('')).toBe('x'.repeat(20));
    });
  });

  describe('a cancel', () => {
    test('by any reader ends the stream, twice is ok, and tells the producer', async () => {
      await using run = await running('text');
      const { producer, reader, thread_id, stream_id } = run;
      const { message } = await reader.call('stream_cancel', { stream_id, reason: 'enough' });
      expect(message).toMatchObject({ status: 'cancelled', content: 'text', seq: 2 });
      expect(await producer.next('stream_cancel')).toEqual({ thread_id, stream_id, reason: 'enough' });
      expect(await reader.next('stream_end')).toMatchObject({
        status: 'cancelled',
        reason: 'enough',
        length: 4,
        seq: 2,
      });
      expect((await reader.call('stream_cancel', { stream_id })).message).toEqual(message);
      const late = await producer.request('stream_chunk', { stream_id, offset: 4, delta: '!' });
      expect(errorOf(late)).toEqual({ code: 'stream_closed', details: { status: 'cancelled' } });
      const end = await producer.request('stream_end', { stream_id, offset: 4, status: 'complete' });
      expect(errorOf(end)).toEqual({ code: 'stream_closed', details: { status: 'cancelled' } });
    });

    test('before the first text', async () => {
      await using run = await running();
      const { message } = await run.reader.call('stream_cancel', { stream_id: run.stream_id });
      expect(message).toMatchObject({ status: 'cancelled', content: '' });
    });

    test('of a stream that has ended leaves it as it ended', async () => {
      await using run = await running('text');
      const { producer, reader, stream_id } = run;
      const { message } = await producer.call('stream_end', { stream_id, offset: 4, status: 'complete' });
      expect((await reader.call('stream_cancel', { stream_id })).message).toEqual(message);
    });
  });

  describe('a streaming message', () => {
    test('cannot be edited', async () => {
      await using run = await running('text');
      const { producer, thread_id, stream_id: id } = run;
      const answer = await producer.request('edit_message', { thread_id, id, content: 'other' });
      expect(errorOf(answer)).toEqual({ code: 'stream_conflict' });
    });

    test.each([
      ['', undefined],
      [', where it has this seq', 1],
    ])('that is deleted is cancelled first%s', async (_what, if_seq) => {
      await using run = await running('text');
      const { producer, reader, thread_id, stream_id: id } = run;
      await reader.next('stream_start');
      const payload = if_seq === undefined ? { thread_id, id } : { thread_id, id, if_seq };
      const { message } = await producer.call('delete_message', payload);
      expect(message).toMatchObject({ status: 'deleted', content: '', seq: 3 });
      expect(await reader.next('stream_end')).toMatchObject({ status: 'cancelled', seq: 2 });
      expect(await reader.next('message_updated')).toEqual(message);
      const late = await producer.request('stream_chunk', { stream_id: id, offset: 4, delta: '!' });
      expect(errorOf(late)).toEqual({ code: 'stream_closed', details: { status: 'deleted' } });
    });

    test('that is deleted with another seq stays', async () => {
      await using run = await running('text');
      const { producer, thread_id, stream_id: id } = run;
      const answer = await producer.request('delete_message', { thread_id, id, if_seq: 9 });
      expect(errorOf(answer)).toEqual({ code: 'seq_conflict', details: { seq: 1 } });
      expect((await stored(run)).status).toBe('streaming');
    });

    test('can be edited when it has ended', async () => {
      await using run = await running('text');
      const { producer, thread_id, stream_id } = run;
      await producer.call('stream_end', { stream_id, offset: 4, status: 'complete' });
      const { message } = await producer.call('edit_message', { thread_id, id: stream_id, content: 'better' });
      expect(message).toMatchObject({ content: 'better', status: 'complete', seq: 3 });
    });
  });

  describe('a producer that goes', () => {
    // Not so short that a slow store could not renew it.
    const leaseMs = name === 'embedded' ? 250 : 1500;
    let hasty: App;
    beforeAll(async () => {
      hasty = await startApp({ backEnd: name, streamLeaseMs: leaseMs });
    });
    afterAll(async () => hasty[Symbol.asyncDispose]());

    test('leaves the stream to its lease, then it is interrupted, with every chunk that was acknowledged', async () => {
      await using run = await running('text', hasty);
      const goneAt = performance.now();
      await run.producer[Symbol.asyncDispose]();
      expect(await run.reader.next('stream_end')).toMatchObject({ status: 'interrupted', length: 4 });
      expect(performance.now() - goneAt).toBeGreaterThanOrEqual(leaseMs);
      expect(await stored(run)).toMatchObject({ status: 'interrupted', content: 'text' });
      await using bot = await connect('bot', hasty);
      const late = await bot.request('stream_chunk', { stream_id: run.stream_id, offset: 4, delta: '!' });
      expect(errorOf(late)).toEqual({ code: 'stream_closed', details: { status: 'interrupted' } });
      const end = await bot.request('stream_end', { stream_id: run.stream_id, offset: 4, status: 'complete' });
      expect(errorOf(end)).toEqual({ code: 'stream_closed', details: { status: 'interrupted' } });
    });

    test('leaves what it had sent, of which the last waits for its turn', async () => {
      await using run = await running('text', hasty);
      const { producer, reader, stream_id } = run;
      for (const [i, delta] of [' and', ' the', ' rest'].entries()) {
        producer.socket.emit('stream_chunk', { stream_id, offset: 4 + 4 * i, delta });
      }
      await producer[Symbol.asyncDispose]();
      expect(await reader.next('stream_end')).toMatchObject({ status: 'interrupted', length: 17 });
      expect(await stored(run)).toMatchObject({ content: 'text and the rest' });
      expect(hasty.logs.filter(({ level }) => level >= 50)).toEqual([]);
    });

    test('and comes back in time goes on', async () => {
      await using run = await running('text', hasty);
      const { reader, thread_id, message_id, stream_id } = run;
      await run.producer[Symbol.asyncDispose]();
      await using again = await connect('bot', hasty);
      const { offset } = await again.call('stream_start', { thread_id, message_id });
      expect(offset).toBe(4);
      await again.call('stream_chunk', { stream_id, offset, delta: ' on' });
      await again.call('stream_end', { stream_id, offset: 7, status: 'complete' });
      expect(await reader.next('stream_end')).toMatchObject({ status: 'complete', length: 7 });
    });

    test('from the thread writes nothing more, and the stream ends', async () => {
      await using bot = await connect('bot', hasty);
      await using ada = await connect('ada', hasty);
      const { id: thread_id } = await newThread(ada, { members: ['bot'] });
      await ada.call('subscribe_thread', { thread_id });
      const { message } = await bot.call('stream_start', { thread_id });
      await bot.call('stream_chunk', { stream_id: message.id, offset: 0, delta: 'text' });
      await ada.call('update_thread', { thread_id, members: ['carl'] });
      const refused = await bot.request('stream_chunk', { stream_id: message.id, offset: 4, delta: 'secret' });
      expect(errorOf(refused)).toEqual({ code: 'stream_not_found' });
      expect(await ada.next('stream_end')).toMatchObject({ status: 'interrupted', length: 4 });
    });

    test('from the thread hears nothing more of the stream: not how long it is, nor why somebody cancelled it', async () => {
      await using bot = await connect('bot', hasty);
      await using ada = await connect('ada', hasty);
      const { id: thread_id } = await newThread(ada, { members: ['bot'] });
      const { message } = await bot.call('stream_start', { thread_id });
      const { id: stream_id } = message;
      await bot.call('stream_chunk', { stream_id, offset: 0, delta: 'text' });
      await ada.call('update_thread', { thread_id, members: ['carl'] });
      for (const [offset, delta] of [
        [0, 'text'],
        [4, ''],
        [2, 'other'],
        [9, 'gap'],
      ] as const) {
        const refused = await bot.request('stream_chunk', { stream_id, offset, delta });
        expect([offset, errorOf(refused)]).toEqual([offset, { code: 'stream_not_found' }]);
      }
      const ended = await bot.request('stream_end', { stream_id, offset: 9, status: 'complete' });
      expect(errorOf(ended)).toEqual({ code: 'stream_not_found' });
      await ada.call('stream_cancel', { stream_id, reason: 'secret words' });
      await bot.call('ping', {});
      expect(bot.buffered).toEqual([]);
    });
  });
});

test('streaming needs the scope agent', async () => {
  await using app = await startApp({ auth: jwtAuth });
  await using user = await connectClient(app.url, { token: await tokenFor('ada') });
  await using agent = await connectClient(app.url, { token: await tokenFor('bot', 'agent') });
  const { id: thread_id } = await newThread(user);
  expect(errorOf(await user.request('stream_start', { thread_id }))).toEqual({ code: 'forbidden' });
  const { message } = await agent.call('stream_start', { thread_id });
  // Whoever may write to the thread may cancel.
  expect((await user.call('stream_cancel', { stream_id: message.id })).message.status).toBe('cancelled');
});

test('text is limited by its bytes, not by the number of its pieces', async () => {
  const now = () => Date.parse('2025-03-01T12:00:00.000Z');
  await using app = await startApp({ ratePerSecond: 50, now });
  await using bot = await connectClient(app.url, { user: 'bot' });
  const { id: thread_id } = await newThread(bot);
  const { message } = await bot.call('stream_start', { thread_id });
  const pieces = Array.from({ length: 300 }, (_, offset) => {
    bot.send('stream_chunk', { stream_id: message.id, offset, delta: 'x' });
    return offset;
  });
  expect(await bot.call('stream_chunk', { stream_id: message.id, offset: pieces.length, delta: 'x' })).toEqual({
    offset: 301,
  });
  const big = { stream_id: message.id, offset: 0, delta: 'y'.repeat(200 * 1024) };
  const answers = await Promise.all(Array.from({ length: 24 }, () => bot.request('stream_chunk', big)));
  const codes = new Set(answers.map((answer) => (answer.ok ? 'ok' : answer.error.code)));
  expect(codes).toEqual(new Set(['stream_conflict', 'rate_limited']));
  // 4 MiB at once, less what came before.
  expect(answers.filter((answer) => !answer.ok && answer.error.code === 'stream_conflict')).toHaveLength(20);
});

interface Running extends AsyncDisposable {
  readonly producer: TestClient;
  readonly reader: TestClient;
  readonly thread_id: string;
  readonly stream_id: string;
  readonly message_id: string;
  readonly message: Message;
}
