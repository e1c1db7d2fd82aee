import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { limits, messageSchema, roles } from '@threadwire/protocol';
import type { ClientPayload, Message } from '@threadwire/protocol';
import { startApp } from '../support/app.ts';
import type { App } from '../support/app.ts';
import { runnableBackEnds } from '../support/back-ends.ts';
import { connectClient } from '../support/client.ts';
import type { ServerEventArrival, TestClient } from '../support/client.ts';
import { fresh, jwtAuth, newThread, range, sendMany, sendText, tokenFor } from './helpers.ts';

/** What a subscriber gets up to, and without, a marker that is sent now. */
async function eventsUpToNow(subscriber: TestClient, sender: TestClient, threadId: string) {
  const marker = await sendText(sender, threadId, 'marker');
  return subscriber.drainUntil('thread_message', ({ id }) => id === marker.id);
}

const seqsOf = (events: readonly ServerEventArrival[]) =>
  events.map(({ payload }) => ('seq' in payload ? payload.seq : undefined));

describe.each(runnableBackEnds)('messages, on $name', ({ name }) => {
  let app: App;
  beforeAll(async () => {
    app = await startApp({ backEnd: name, ratePerSecond: 0 });
  });
  afterAll(async () => app[Symbol.asyncDispose]());

  const connect = (user: string) => connectClient(app.url, { user });

  /** A user who is subscribed to a new thread that is open to all. */
  async function joined(user = 'ada'): Promise<{ client: TestClient; thread_id: string } & AsyncDisposable> {
    const client = await connect(user);
    const { id } = await newThread(client);
    await client.call('subscribe_thread', { thread_id: id });
    return { client, thread_id: id, [Symbol.asyncDispose]: () => client[Symbol.asyncDispose]() };
  }

  describe('send_message', () => {
    test('answers the message as everybody gets it, the sender too', async () => {
      await using ada = await joined('ada');
      await using bo = await connect('bo');
      const { thread_id } = ada;
      await bo.call('subscribe_thread', { thread_id });
      const sent: ClientPayload<'send_message'> = {
        thread_id,
        content: 'hello',
        role: 'tool',
        metadata: { a: [1] },
        message_id: 'm-1',
      };
      const { message, duplicate } = await ada.client.call('send_message', sent);
      expect(duplicate).toBe(false);
      expect(messageSchema.strict().parse(message)).toEqual({
        ...sent,
        id: expect.any(String),
        position: 1,
        seq: 1,
        sender: { id: 'ada' },
        status: 'complete',
        created_at: message.updated_at,
        updated_at: message.updated_at,
      });
      for (const client of [ada.client, bo]) expect(await client.next('thread_message')).toEqual(message);
      const { messages } = await bo.call('fetch_history', { thread_id });
      expect(messages).toEqual([message]);
    });

    test('is user’s in role and empty in metadata where nothing is said, and gets a message_id', async () => {
      await using ada = await joined();
      const message = await sendText(ada.client, ada.thread_id, 'hello');
      expect(message).toMatchObject({ role: 'user', metadata: {}, message_id: expect.stringMatching(/^.{1,64}$/) });
      expect(await sendText(ada.client, ada.thread_id, 'hello')).not.toMatchObject({ message_id: message.message_id });
    });

    test('reaches nobody who is not subscribed, not even the sender', async () => {
      await using ada = await joined('ada');
      await using bo = await connect('bo');
      await sendText(bo, ada.thread_id, 'hello');
      await ada.client.next('thread_message');
      await bo.call('ping', {});
      expect(bo.buffered.filter(({ event }) => event !== 'session')).toEqual([]);
    });

    test('reaches every connection of a user once', async () => {
      await using ada = await joined('ada');
      await using second = await connect('ada');
      await second.call('subscribe_threads', { threads: [{ thread_id: ada.thread_id }, { thread_id: ada.thread_id }] });
      await sendText(second, ada.thread_id, 'hello');
      const marker = await sendText(second, ada.thread_id, 'marker');
      for (const client of [ada.client, second]) {
        const events = await client.drainUntil('thread_message', ({ id }) => id === marker.id);
        expect(seqsOf(events.filter(({ event }) => event === 'thread_message'))).toEqual([1]);
      }
    });

    test('sent again is the stored message, a duplicate, and not announced again', async () => {
      await using ada = await joined('ada');
      const { client, thread_id } = ada;
      const first = await client.call('send_message', { thread_id, content: 'first', message_id: 'key' });
      await using second = await connect('ada');
      for (const [sender, content] of [
        [client, 'first'],
        [second, 'second'],
        [second, 'first'],
      ] as const) {
        const again = await sender.call('send_message', {
          thread_id,
          content,
          message_id: 'key',
          metadata: { new: 1 },
        });
        expect(again).toEqual({ message: first.message, duplicate: true });
      }
      expect(seqsOf(await eventsUpToNow(client, client, thread_id)).filter(Boolean)).toEqual([1]);
      // Changed or deleted meanwhile, it is given as it is now.
      await client.call('edit_message', { thread_id, id: first.message.id, content: 'edited' });
      const edited = await client.call('send_message', { thread_id, content: 'first', message_id: 'key' });
      expect(edited).toMatchObject({ duplicate: true, message: { content: 'edited', seq: 3, position: 1 } });
      await client.call('delete_message', { thread_id, id: first.message.id });
      const gone = await client.call('send_message', { thread_id, content: 'first', message_id: 'key' });
      expect(gone).toMatchObject({ duplicate: true, message: { status: 'deleted', content: '', seq: 4 } });
    });

    test('takes a message_id as the sender’s and the thread’s own', async () => {
      await using ada = await joined('ada');
      await using bo = await connect('bo');
      const other = await newThread(ada.client);
      const sends = [
        ada.client.call('send_message', { thread_id: ada.thread_id, content: 'a', message_id: 'key' }),
        bo.call('send_message', { thread_id: ada.thread_id, content: 'b', message_id: 'key' }),
        ada.client.call('send_message', { thread_id: other.id, content: 'c', message_id: 'key' }),
      ];
      for (const { duplicate } of await Promise.all(sends)) expect(duplicate).toBe(false);
    });

    test('50 times at once over several connections with one message_id is one message, announced once', async () => {
      await using ada = await joined('ada');
      const { thread_id } = ada;
      const senders = await Promise.all(range(1, 5).map(() => connect('ada')));
      const request = { thread_id, content: 'once', message_id: 'key' };
      const answers = await Promise.all(range(0, 49).map((i) => senders[i % 5]!.call('send_message', request)));
      expect(new Set(answers.map(({ message }) => JSON.stringify(message))).size).toBe(1);
      expect(answers.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
      expect(seqsOf(await eventsUpToNow(ada.client, ada.client, thread_id)).filter(Boolean)).toEqual([1]);
      const { messages, head_seq } = await ada.client.call('fetch_history', { thread_id });
      expect(messages.map(({ content }) => content)).toEqual(['once', 'marker']);
      expect(head_seq).toBe(2);
      await Promise.all(senders.map((sender) => sender[Symbol.asyncDispose]()));
    });

    test('takes seqs and positions 1, 2, 3 … without a gap, whoever sends at a time, announced in that order', async () => {
      await using ada = await joined('ada');
      const { thread_id } = ada;
      const senders = await Promise.all(['ada', 'bo', 'chi'].map(connect));
      const sent = (await Promise.all(senders.map((sender) => sendMany(sender, thread_id, 30)))).flat();
      const inOrder = sent.toSorted((a, b) => a.seq - b.seq);
      expect(inOrder.map(({ seq }) => seq)).toEqual(range(1, 90));
      expect(inOrder.map(({ position }) => position)).toEqual(range(1, 90));
      const events = await eventsUpToNow(ada.client, ada.client, thread_id);
      const announced = events.flatMap((arrival) => (arrival.event === 'thread_message' ? [arrival.payload] : []));
      expect(announced).toEqual(inOrder);
      // What one connection sends keeps its order.
      for (const user of ['ada', 'bo', 'chi']) {
        const contents = inOrder.filter((message) => message.sender.id === user).map(({ content }) => content);
        expect(contents).toEqual(range(1, 30).map((i) => `message ${i}`));
      }
      await Promise.all(senders.map((sender) => sender[Symbol.asyncDispose]()));
    });

    test.each([
      ['64 KiB of ASCII', 'x'.repeat(limits.maxContentBytes), true],
      ['64 KiB of letters of three bytes and one', `${'€'.repeat(21_845)}x`, true],
      ['64 KiB and a byte', 'x'.repeat(limits.maxContentBytes + 1), false],
      ['fewer letters, but more than 64 KiB', '€'.repeat(21_846), false],
      ['emoji of more than 64 KiB', '\u{1F600}'.repeat(16_385), false],
    ])('takes or refuses %s', async (_what, content, isFine) => {
      await using ada = await joined();
      const { client, thread_id } = ada;
      const answer = await client.request('send_message', { thread_id, content });
      const { id } = await sendText(client, thread_id, 'to be edited');
      const edit = await client.request('edit_message', { thread_id, id, content });
      for (const each of [answer, edit]) {
        if (isFine) {
          expect(each.ok && each.data.message.content === content).toBe(true);
        } else {
          expect(each).toMatchObject({
            ok: false,
            error: { code: 'payload_too_large', retry: 'never', details: { issues: [{ path: 'content' }] } },
          });
        }
      }
    });

    test('refuses an empty content', async () => {
      await using ada = await joined();
      const answer = await ada.client.request('send_message', { thread_id: ada.thread_id, content: '' });
      expect(answer).toMatchObject({ ok: false, error: { code: 'invalid_payload', thread_id: ada.thread_id } });
    });

    test.each([
      ['emoji with joiners and skin', '\u{1F469}\u{1F3FD}\u200D\u{1F4BB}\u{1F1E9}\u{1F1EA}'],
      ['marks that could be composed', 'e\u0301 \u00E9 \u1E9B\u0323'],
      ['right to left', 'שלום \u202Eabc\u202C مرحبا'],
      [
        'controls, but U+0000',
        range(1, 31)
          .map((code) => String.fromCharCode(code))
          .join(''),
      ],
      ['what is no character', '\uFEFF\uFFFE\uFFFF\u{10FFFF}\uFFFD'],
      ['line ends', 'a\r\nb\nc\rd\u2028e\u2029f\u0085g'],
      ['what looks like JSON, HTML or a placeholder', '{"_placeholder":true,"num":0}<script>"\\u0000"</script>\\'],
      ['blanks only', ' \u00A0\u200B'],
    ])('keeps %s', async (_what, content) => {
      await using ada = await joined();
      const { client, thread_id } = ada;
      const metadata = { [content.slice(0, 20)]: content };
      const { message } = await client.call('send_message', { thread_id, content, metadata });
      expect(message).toMatchObject({ content, metadata });
      expect(await client.next('thread_message')).toEqual(message);
      expect((await client.call('fetch_history', { thread_id })).messages).toEqual([message]);
    });

    test('finds no thread where there is none, or none for this user', async () => {
      await using ada = await connect('ada');
      await using bo = await connect('bo');
      const { id: hidden } = await newThread(ada, { members: ['chi'] });
      for (const thread_id of [hidden, fresh('none')]) {
        const answer = await bo.request('send_message', { thread_id, content: 'hello', message_id: 'm' });
        expect(answer).toMatchObject({ ok: false, message_id: 'm', error: { code: 'thread_not_found', thread_id } });
      }
      expect((await ada.call('fetch_history', { thread_id: hidden })).head_seq).toBe(0);
    });
  });

  describe('edit_message', () => {
    test('takes the next seq, keeps the position, and is announced', async () => {
      await using ada = await joined();
      const { client, thread_id } = ada;
      const metadata = { a: 1, b: { c: 2 } };
      const { message } = await client.call('send_message', { thread_id, content: 'one', metadata });
      await sendText(client, thread_id, 'other');
      const { message: edited } = await client.call('edit_message', { thread_id, id: message.id, content: 'two' });
      expect(edited).toEqual({ ...message, content: 'two', seq: 3, updated_at: edited.updated_at });
      expect(edited.updated_at >= message.updated_at).toBe(true);
      expect(await client.next('message_updated')).toEqual(edited);
      const noted = await client.call('edit_message', {
        thread_id,
        id: message.id,
        content: 'two',
        metadata: { d: 3 },
      });
      expect(noted.message).toMatchObject({ seq: 4, position: 1 });
      expect(noted.message.metadata).toEqual({ d: 3 });
      const bare = await client.call('edit_message', { thread_id, id: message.id, content: 'two', metadata: {} });
      expect(bare.message).toEqual({ ...noted.message, metadata: {}, seq: 5, updated_at: bare.message.updated_at });
      const { messages, head_seq } = await client.call('fetch_history', { thread_id });
      expect(messages[0]).toEqual(bare.message);
      expect(head_seq).toBe(5);
    });

    test('that changes nothing takes no seq and is not announced', async () => {
      await using ada = await joined();
      const { client, thread_id } = ada;
      const metadata = { a: 1, b: [{}] };
      const { message } = await client.call('send_message', { thread_id, content: 'same', metadata });
      const edit = { thread_id, id: message.id, content: 'same' };
      expect(await client.call('edit_message', edit)).toEqual({ message });
      expect(await client.call('edit_message', { ...edit, metadata: { b: [{}], a: 1 } })).toEqual({ message });
      expect(await client.call('edit_message', { ...edit, if_seq: 1 })).toEqual({ message });
      const events = await eventsUpToNow(client, client, thread_id);
      expect(events.filter(({ event }) => event === 'message_updated')).toEqual([]);
      expect((await client.call('fetch_history', { thread_id })).head_seq).toBe(2);
    });

    test('with if_seq is refused where the message has changed', async () => {
      await using ada = await joined();
      const { client, thread_id } = ada;
      const { id } = await sendText(client, thread_id, 'one');
      await client.call('edit_message', { thread_id, id, content: 'two', if_seq: 1 });
      for (const if_seq of [0, 1, 3]) {
        for (const request of [
          await client.request('edit_message', { thread_id, id, content: 'three', if_seq }),
          await client.request('delete_message', { thread_id, id, if_seq }),
        ]) {
          expect(request).toMatchObject({
            ok: false,
            error: { code: 'seq_conflict', retry: 'never', thread_id, details: { seq: 2 } },
          });
        }
      }
      const { message } = await client.call('delete_message', { thread_id, id, if_seq: 2 });
      expect(message).toMatchObject({ seq: 3, status: 'deleted' });
    });

    test('with if_seq succeeds once of many at a time; without it all succeed, each with its seq', async () => {
      await using ada = await joined();
      const { client, thread_id } = ada;
      const { id } = await sendText(client, thread_id, 'zero');
      await using second = await connect('ada');
      const edit = (i: number, more: { if_seq?: number }) =>
        [client, second][i % 2]!.request('edit_message', { thread_id, id, content: `edit ${i}`, ...more });
      const careful = await Promise.all(range(1, 10).map((i) => edit(i, { if_seq: 1 })));
      expect(careful.filter((answer) => answer.ok)).toHaveLength(1);
      const codes = careful.flatMap((answer) => (answer.ok ? [] : [answer.error.code]));
      expect(codes).toEqual(range(1, 9).map(() => 'seq_conflict'));
      const careless = await Promise.all(range(11, 20).map((i) => edit(i, {})));
      const seqs = careless.map((answer) => (answer.ok ? answer.data.message.seq : 0));
      expect(seqs.toSorted((a, b) => a - b)).toEqual(range(3, 12));
      const last = careless.find((answer) => answer.ok && answer.data.message.seq === 12);
      const { messages } = await client.call('fetch_history', { thread_id });
      expect(messages).toEqual([last!.ok && last!.data.message]);
    });
  });

  describe('delete_message', () => {
    test('leaves a tombstone, which is announced; again it is the same, without a seq', async () => {
      await using ada = await joined();
      const { client, thread_id } = ada;
      const { message } = await client.call('send_message', { thread_id, content: 'gone', metadata: { secret: 1 } });
      const { message: tombstone } = await client.call('delete_message', { thread_id, id: message.id });
      expect(tombstone).toMatchObject({ id: message.id, position: 1, seq: 2, status: 'deleted', content: '' });
      expect(await client.next('message_updated')).toEqual(tombstone);
      expect(await client.call('delete_message', { thread_id, id: message.id })).toEqual({ message: tombstone });
      const events = await eventsUpToNow(client, client, thread_id);
      expect(events.filter(({ event }) => event === 'message_updated')).toEqual([]);
      const page = await client.call('fetch_history', { thread_id });
      expect(page).toMatchObject({ head_seq: 3, messages: [tombstone, { seq: 3 }] });
      expect(JSON.stringify(page)).not.toContain('secret');
    });

    test('ends what can be edited', async () => {
      await using ada = await joined();
      const { client, thread_id } = ada;
      const { id } = await sendText(client, thread_id, 'gone');
      await client.call('delete_message', { thread_id, id });
      const answer = await client.request('edit_message', { thread_id, id, content: 'back' });
      expect(answer).toMatchObject({ ok: false, error: { code: 'message_not_found', thread_id } });
    });
  });

  test('what another user sent, or is in another thread, is not there to be changed', async () => {
    await using ada = await joined('ada');
    await using bo = await connect('bo');
    const { thread_id } = ada;
    const other = await newThread(ada.client);
    const message = await sendText(ada.client, thread_id, 'mine');
    const attempts: [TestClient, string, string, string][] = [
      [bo, thread_id, message.id, 'forbidden'],
      [ada.client, thread_id, fresh('none'), 'message_not_found'],
      [ada.client, other.id, message.id, 'message_not_found'],
      [ada.client, fresh('none'), message.id, 'thread_not_found'],
    ];
    for (const [client, thread, id, code] of attempts) {
      const error = { code, retry: 'never', thread_id: thread };
      expect(await client.request('edit_message', { thread_id: thread, id, content: 'x' })).toMatchObject({ error });
      expect(await client.request('delete_message', { thread_id: thread, id })).toMatchObject({ error });
    }
    expect((await bo.call('fetch_history', { thread_id })).messages).toEqual([message]);
  });
});

describe('with tokens', () => {
  let app: App;
  beforeAll(async () => {
    app = await startApp({ auth: jwtAuth, ratePerSecond: 0 });
  });
  afterAll(async () => app[Symbol.asyncDispose]());

  const connect = async (user: string, scope?: string) =>
    connectClient(app.url, { token: await tokenFor(user, scope) });

  test('a role other than user needs the scope agent', async () => {
    await using ada = await connect('ada', 'reader agents admins');
    await using bot = await connect('bot', 'x agent');
    await using root = await connect('root', 'admin');
    const { id: thread_id } = await newThread(ada);
    for (const role of roles) {
      const answer = await ada.request('send_message', { thread_id, content: 'hello', role });
      if (role === 'user') expect(answer).toMatchObject({ ok: true, data: { message: { role } } });
      else expect(answer).toMatchObject({ ok: false, error: { code: 'forbidden', retry: 'never', thread_id } });
      for (const client of [bot, root]) {
        const { message } = await client.call('send_message', { thread_id, content: 'hello', role });
        expect(message.role).toBe(role);
      }
    }
    expect((await ada.call('fetch_history', { thread_id })).head_seq).toBe(1 + 2 * roles.length);
  });

  test('an admin changes what others sent, which stays theirs', async () => {
    await using ada = await connect('ada');
    await using bot = await connect('bot', 'agent');
    await using root = await connect('root', 'admin');
    const { id: thread_id } = await newThread(ada);
    const message: Message = await sendText(ada, thread_id, 'rude');
    const answer = await bot.request('edit_message', { thread_id, id: message.id, content: 'x' });
    expect(answer).toMatchObject({ ok: false, error: { code: 'forbidden' } });
    const edited = await root.call('edit_message', { thread_id, id: message.id, content: 'polite' });
    expect(edited.message).toMatchObject({ content: 'polite', sender: { id: 'ada' } });
    const deleted = await root.call('delete_message', { thread_id, id: message.id });
    expect(deleted.message).toMatchObject({ status: 'deleted', sender: { id: 'ada' } });
  });
});
