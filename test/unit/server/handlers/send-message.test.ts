import { describe, expect, test } from '@jest/globals';
import { FakeApp, actorOf } from '../../../support/fake-services.ts';

async function setUp() {
  const app = new FakeApp();
  await app.thread('t', 'ada', ['bo', 'bot']);
  const [ada, bo] = [app.connect(actorOf('ada', { name: 'Ada' })), app.connect(actorOf('bo'))];
  for (const client of [ada, bo]) await client.ask('subscribe_thread', { thread_id: 't' });
  ada.link.received.length = 0;
  bo.link.received.length = 0;
  return { app, ada, bo };
}

describe('send_message', () => {
  test('stores the message, tells everybody in the thread, the sender too, and then answers', async () => {
    const { ada, bo } = await setUp();
    const asked = { thread_id: 't', content: 'hello', metadata: { a: 1 }, message_id: 'request-1' };
    const { message, duplicate } = await ada.ask('send_message', asked);
    expect(duplicate).toBe(false);
    expect(message).toEqual({
      id: expect.stringMatching(/^id-/),
      thread_id: 't',
      position: 1,
      seq: 1,
      message_id: 'request-1',
      sender: { id: 'ada', name: 'Ada' },
      role: 'user',
      content: 'hello',
      metadata: { a: 1 },
      status: 'complete',
      created_at: '2026-01-15T09:30:00.000Z',
      updated_at: '2026-01-15T09:30:00.000Z',
    });
    expect(bo.link.received).toEqual([['thread_message', message]]);
    expect(ada.link.names).toEqual(['thread_message', 'ack']);
  });

  test('gets a message_id where the client gave none, one for each', async () => {
    const { ada } = await setUp();
    const sent = [];
    for (const content of ['one', 'one'])
      sent.push((await ada.ask('send_message', { thread_id: 't', content })).message);
    expect(new Set(sent.map(({ message_id }) => message_id)).size).toBe(2);
    expect(sent.map(({ seq }) => seq)).toEqual([1, 2]);
  });

  test('is for those who may read the thread', async () => {
    const { app, ada } = await setUp();
    const stranger = app.connect(actorOf('cy'));
    for (const thread_id of ['t', 'none']) {
      const error = await stranger.refused('send_message', { thread_id, content: 'hello' });
      expect(error).toMatchObject({ code: 'thread_not_found', retry: 'never', thread_id, event: 'send_message' });
    }
    expect(ada.link.received).toEqual([]);
  });
});

describe('a message that is sent again', () => {
  const again = { thread_id: 't', content: 'hello', message_id: 'same' };

  test('is stored once and announced once, and answered with what was stored', async () => {
    const { ada, bo } = await setUp();
    const { message } = await ada.ask('send_message', again);
    const repeat = await ada.ask('send_message', { ...again, content: 'something else' });
    expect(repeat).toEqual({ message, duplicate: true });
    expect(bo.seqs('t')).toEqual([1]);
  });

  test('at the same time, from several connections, is one message', async () => {
    const { app, bo } = await setUp();
    const clients = [1, 2, 3].map(() => app.connect(actorOf('ada')));
    const answers = await Promise.all(clients.map((client) => client.ask('send_message', again)));
    expect(answers.map(({ duplicate }) => duplicate)).toEqual([false, true, true]);
    expect(new Set(answers.map(({ message }) => message.id)).size).toBe(1);
    expect(bo.seqs('t')).toEqual([1]);
  });

  test('by another sender, or in another thread, is another message', async () => {
    const { app, ada, bo } = await setUp();
    await app.thread('other', 'ada');
    const answers = [
      await ada.ask('send_message', again),
      await bo.ask('send_message', again),
      await ada.ask('send_message', { ...again, thread_id: 'other' }),
    ];
    expect(answers.map(({ duplicate }) => duplicate)).toEqual([false, false, false]);
  });

  test('after nobody knew whether it was stored is announced once', async () => {
    const { app, ada, bo } = await setUp();
    const held = app.store.hold('write');
    const sending = ada.refused('send_message', again);
    await held.reached;
    app.store.isAway = true;
    held.release();
    expect(await sending).toMatchObject({ code: 'unavailable', retry: 'later', message_id: 'same' });
    app.store.isAway = false;
    expect(await ada.ask('send_message', again)).toMatchObject({ duplicate: true });
    await app.clock.advance(50);
    expect([ada.seqs('t'), bo.seqs('t')]).toEqual([[1], [1]]);
  });
});

describe('a role', () => {
  const roles = ['user', 'assistant', 'system', 'tool'] as const;

  test.each(roles)('%s may be used by agents and admins', async (role) => {
    const { app } = await setUp();
    for (const actor of [actorOf('bot', { agent: true }), actorOf('root', { admin: true })]) {
      const { message } = await app.connect(actor).ask('send_message', { thread_id: 't', content: 'hello', role });
      expect(message.role).toBe(role);
    }
  });

  test.each(roles)('%s is for a mere user only where it is user', async (role) => {
    const { ada, bo } = await setUp();
    const answer = await ada.request('send_message', { thread_id: 't', content: 'hello', role });
    if (role === 'user') expect(answer).toMatchObject({ ok: true });
    else expect(answer).toMatchObject({ ok: false, error: { code: 'forbidden', thread_id: 't' } });
    expect(bo.seqs('t')).toEqual(role === 'user' ? [1] : []);
  });
});
