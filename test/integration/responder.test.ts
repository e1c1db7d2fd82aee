import { describe, expect, test } from '@jest/globals';
import { limits } from '@threadwire/protocol';
import type { Message, ServerPayload } from '@threadwire/protocol';
import { ResponderError } from '../../server/src/responder/responder.ts';
import type { Responder } from '../../server/src/responder/responder.ts';
import { startApp } from '../support/app.ts';
import { runnableBackEnds } from '../support/back-ends.ts';
import type { OpenBackEnd } from '../support/back-ends.ts';
import { connectClient } from '../support/client.ts';
import { embeddedBackEnd } from '../support/embedded-back-end.ts';
import { newGate, sendText } from './helpers.ts';
import { abortOf, answered, echo, gated, joined, of, repliesIn, replyTo } from './reply-helpers.ts';

describe.each(runnableBackEnds)('a message of a user, on $name', ({ name }) => {
  test('is answered by one streamed reply of the assistant', async () => {
    await using app = await startApp({ backEnd: name, ...of(echo) });
    const { client, id } = await joined(app.url);
    const question = await sendText(client, id, 'hello');
    expect(await replyTo(client, question)).toMatchObject({
      sender: { id: 'assistant' },
      role: 'assistant',
      message_id: `reply:${question.id}`,
      metadata: { reply_to: { id: question.id, position: question.position } },
      content: 'You said: hello',
      status: 'complete',
    });
    // A repeat is no other message.
    await client.call('send_message', { thread_id: id, content: 'hello', message_id: question.message_id });
    await replyTo(client, await sendText(client, id, 'again'));
    expect(await repliesIn(client, id)).toHaveLength(2);
    await client[Symbol.asyncDispose]();
  });

  test('is answered in a thread that others may not read, too', async () => {
    await using app = await startApp({ backEnd: name, ...of(echo) });
    const { client, id } = await joined(app.url, { members: ['ada'], ...answered() });
    expect(await replyTo(client, await sendText(client, id, 'secret'))).toMatchObject({ content: 'You said: secret' });
    await client[Symbol.asyncDispose]();
  });

  test('is not answered where nobody asked for it, nor in another role, nor before it was asked for', async () => {
    await using app = await startApp({ backEnd: name, ...of(echo) });
    const { client, id } = await joined(app.url, {});
    await sendText(client, id, 'to nobody');
    for (const metadata of [{ responder: true }, { responder: { overlap: 'sometimes' } }]) {
      await client.call('update_thread', { thread_id: id, metadata });
      await sendText(client, id, 'still to nobody');
    }
    await client.call('update_thread', { thread_id: id, ...answered() });
    await client.call('send_message', { thread_id: id, content: 'a note', role: 'tool' });
    const { content } = await replyTo(client, await sendText(client, id, 'to you'));
    expect(content).toBe('You said: to you');
    await client.call('update_thread', { thread_id: id, metadata: {} });
    await sendText(client, id, 'to nobody again');
    await client.call('update_thread', { thread_id: id, ...answered() });
    await replyTo(client, await sendText(client, id, 'last'));
    expect(await repliesIn(client, id)).toHaveLength(2);
    await client[Symbol.asyncDispose]();
  });
});

describe('replies that overlap', () => {
  async function twoQuestions(overlap: string) {
    const { respond, gateOf } = gated();
    const app = await startApp(of(respond));
    const { client, id } = await joined(app.url, answered(overlap));
    const first = await sendText(client, id, 'first');
    await gateOf('first').reached;
    const second = await sendText(client, id, 'second');
    return {
      client,
      id,
      first,
      second,
      gateOf,
      async [Symbol.asyncDispose]() {
        await client[Symbol.asyncDispose]();
        await app[Symbol.asyncDispose]();
      },
    };
  }

  test('wait for each other in a queue', async () => {
    await using run = await twoQuestions('queue');
    const { client, first, second, gateOf, id } = run;
    await sendText(client, id, 'third');
    expect(await repliesIn(client, id)).toHaveLength(1);
    gateOf('first').open();
    expect((await replyTo(client, first)).content).toBe('first begins and ends');
    gateOf('second').open();
    expect((await replyTo(client, second)).content).toBe('second begins and ends');
    await gateOf('third').reached;
  });

  test('are to what their messages say when they begin, and to none that was deleted', async () => {
    await using run = await twoQuestions('queue');
    const { client, first, second, gateOf, id } = run;
    const [deleted, last] = [await sendText(client, id, 'deleted'), await sendText(client, id, 'last')];
    await client.call('edit_message', { thread_id: id, id: second.id, content: 'edited' });
    await client.call('delete_message', { thread_id: id, id: deleted.id });
    for (const content of ['first', 'edited', 'last']) gateOf(content).open();
    expect((await replyTo(client, first)).content).toBe('first begins and ends');
    expect((await replyTo(client, second)).content).toBe('edited begins and ends');
    expect((await replyTo(client, last)).content).toBe('last begins and ends');
    expect(await repliesIn(client, id)).toHaveLength(3);
  });

  test('cancel each other', async () => {
    await using run = await twoQuestions('cancel_previous');
    const { client, first, second, gateOf } = run;
    expect(await replyTo(client, first)).toMatchObject({ content: 'first begins', status: 'cancelled' });
    gateOf('second').open();
    expect(await replyTo(client, second)).toMatchObject({ content: 'second begins and ends', status: 'complete' });
  });

  test('run at the same time', async () => {
    await using run = await twoQuestions('concurrent');
    const { client, first, second, gateOf } = run;
    await gateOf('second').reached;
    gateOf('second').open();
    expect((await replyTo(client, second)).status).toBe('complete');
    gateOf('first').open();
    expect((await replyTo(client, first)).status).toBe('complete');
  });

  test('go on behind one that a reader cancels', async () => {
    await using run = await twoQuestions('queue');
    const { client, first, second, gateOf, id } = run;
    const [reply] = await repliesIn(client, id);
    await client.call('stream_cancel', { stream_id: reply!.id });
    expect((await replyTo(client, first)).status).toBe('cancelled');
    gateOf('second').open();
    expect((await replyTo(client, second)).status).toBe('complete');
  });
});

describe('a responder that fails', () => {
  test.each([
    ['with a text for readers', new ResponderError('no model today'), 'no model today'],
    ['otherwise', new Error('key sk-123 is wrong'), 'The reply could not be made.'],
  ])('%s ends the reply as failed, with what it said before', async (_how, failure, error) => {
    await using app = await startApp(
      of(async function* () {
        yield 'so far';
        throw failure;
      }),
    );
    const { client, id } = await joined(app.url);
    const reply = await replyTo(client, await sendText(client, id, 'hello'));
    expect(reply).toMatchObject({ status: 'failed', content: 'so far', error });
    await client[Symbol.asyncDispose]();
  });

  test('by saying too much keeps what there is room for', async () => {
    await using app = await startApp(
      of(async function* () {
        for (;;) yield 'x'.repeat(10_000);
      }),
    );
    const { client, id } = await joined(app.url);
    const reply = await replyTo(client, await sendText(client, id, 'hello'));
    expect(reply).toMatchObject({ status: 'failed', error: 'The reply is too long.' });
    expect(reply.content).toHaveLength(limits.maxStreamLength);
    await client[Symbol.asyncDispose]();
  });
});

describe('a server that goes in the middle of a reply', () => {
  /** Says so much, and then nothing more until it is told to. */
  const words = Array.from({ length: 30 }, (_, i) => `word${i} `);
  const whole = words.join('');
  function haltingAfter(count: number) {
    const gate = newGate();
    const respond: Responder = async function* (_message, { signal }) {
      for (const [i, word] of words.entries()) {
        if (i === count) {
          await Promise.race([gate.pass(), abortOf(signal)]);
        }
        yield word;
      }
    };
    return { respond, gate };
  }

  /** A thread in which a reply has broken off, and nobody runs a server on its store. */
  async function brokenOff(data: OpenBackEnd): Promise<{ id: string; question: Message; said: string }> {
    const { respond, gate } = haltingAfter(10);
    const app = await startApp({ store: data.store, ...of(respond) });
    const { client, id } = await joined(app.url);
    const question = await sendText(client, id, 'go on');
    await gate.reached;
    let said = '';
    while (said !== words.slice(0, 10).join('')) said += (await client.next('stream_chunk')).delta;
    await client[Symbol.asyncDispose]();
    await app[Symbol.asyncDispose]();
    return { id, question, said };
  }

  test('is taken up by the next one, which says the same, where the responder can', async () => {
    await using data = await embeddedBackEnd.open();
    const { id, said } = await brokenOff(data);
    await using app = await startApp({ store: await data.reopen(), ...of(haltingAfter(20).respond) });
    await using client = await connectClient(app.url, { user: 'ada' });
    const { streaming, head_seq } = await client.call('subscribe_thread', { thread_id: id });
    expect(head_seq).toBe(2);
    let text = streaming[0]!.content;
    expect(text.startsWith(said)).toBe(true);
    const expected = words.slice(0, 20).join('');
    while (text.length < expected.length) {
      const { offset, delta }: ServerPayload<'stream_chunk'> = await client.next('stream_chunk');
      expect(offset).toBe(text.length);
      text += delta;
    }
    expect(text).toBe(expected);
    expect(await repliesIn(client, id)).toHaveLength(1);
  });

  test('ends it where its message was deleted meanwhile', async () => {
    await using data = await embeddedBackEnd.open();
    const { respond, gate } = haltingAfter(10);
    const before = await startApp({ store: data.store, ...of(respond) });
    const { client: asker, id } = await joined(before.url);
    const question = await sendText(asker, id, 'go on');
    await gate.reached;
    await asker.call('delete_message', { thread_id: id, id: question.id });
    await asker[Symbol.asyncDispose]();
    await before[Symbol.asyncDispose]();
    await using app = await startApp({ store: await data.reopen(), ...of(echo) });
    await using client = await connectClient(app.url, { user: 'ada' });
    const { streaming } = await client.call('subscribe_thread', { thread_id: id });
    if (streaming.length > 0) await client.next('stream_end');
    expect(await repliesIn(client, id)).toMatchObject([{ status: 'failed' }]);
  });

  test('leaves it interrupted, with what it said, where the responder cannot', async () => {
    await using data = await embeddedBackEnd.open();
    const { id, said } = await brokenOff(data);
    const store = await data.reopen();
    // Its lease was given by the server before.
    const now = () => Date.now() + 31_000;
    await using app = await startApp({ store, now, ...of(haltingAfter(20).respond, false) });
    await using client = await connectClient(app.url, { user: 'ada' });
    const { streaming } = await client.call('subscribe_thread', { thread_id: id });
    if (streaming.length > 0) await client.next('stream_end');
    expect(await repliesIn(client, id)).toMatchObject([{ status: 'interrupted', content: said }]);
  });

  test('before it has begun answers the message when it is started again, once', async () => {
    await using data = await embeddedBackEnd.open();
    const before = await startApp({ store: data.store });
    const { client: sender, id } = await joined(before.url);
    const question = await sendText(sender, id, 'anybody there?');
    await sender[Symbol.asyncDispose]();
    await before[Symbol.asyncDispose]();
    const expected = { message_id: `reply:${question.id}`, content: 'You said: anybody there?', status: 'complete' };
    for (let start = 1; start <= 2; start += 1) {
      await using app = await startApp({ store: await data.reopen(), ...of(echo) });
      await using client = await connectClient(app.url, { user: 'ada' });
      const { messages } = await client.call('subscribe_thread', { thread_id: id });
      if (messages.length < 2) await client.next('stream_end');
      // What comes after it is answered after it.
      expect((await repliesIn(client, id))[0]).toMatchObject(expected);
      const next = await sendText(client, id, `and ${start}`);
      await replyTo(client, next);
      expect(await repliesIn(client, id)).toHaveLength(1 + start);
    }
  });

  test('is whole when nothing goes', async () => {
    await using app = await startApp(of(haltingAfter(words.length).respond));
    const { client, id } = await joined(app.url);
    expect((await replyTo(client, await sendText(client, id, 'go on'))).content).toBe(whole);
    await client[Symbol.asyncDispose]();
  });
});
