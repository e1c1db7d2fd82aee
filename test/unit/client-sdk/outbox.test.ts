import { describe, expect, test } from '@jest/globals';
import type { Message } from '@threadwire/protocol';
import { closedError } from '../../../client-sdk/src/errors.ts';
import { Outbox } from '../../../client-sdk/src/outbox.ts';
import { turn } from '../../support/manual-clock.ts';
import { SdkClock } from '../../support/sdk-clock.ts';
import { FakeConnection, codeOf, messageOf } from '../../support/sdk-fake-connection.ts';
import type { SentRequest } from '../../support/sdk-fake-connection.ts';

function setUp({ isConnected = true } = {}) {
  const connection = new FakeConnection();
  if (isConnected) connection.connect();
  const clock = new SdkClock();
  const log: string[] = [];
  const outbox = new Outbox({
    connection,
    clock,
    backoff: { baseMs: 500, maxMs: 20_000 },
    onSent: ({ content }) => void log.push(`sent ${content}`),
    onChange: () => undefined,
  });
  const send = (content: string, threadId = 't') => {
    const sending = outbox.send({ thread_id: threadId, content, message_id: `key ${content}` });
    sending.then(
      (message) => log.push(`resolved ${message.content}`),
      (error: unknown) => log.push(`rejected ${content}: ${codeOf(error)}`),
    );
    return sending;
  };
  const take = () => connection.take('send_message');
  const states = (threadId = 't') => outbox.pending(threadId).map(({ content, status }) => `${content} ${status}`);
  const reconnect = () => {
    connection.connect();
    outbox.connected();
  };
  const lose = () => {
    connection.lose();
    outbox.lost();
  };
  return { connection, clock, outbox, log, send, take, states, reconnect, lose };
}

let stored = 0;

function store(request: SentRequest<'send_message'>): void {
  request.ok({ message: storedOf(request), duplicate: false });
}

function storedOf({ payload }: SentRequest<'send_message'>, sender = 'ada'): Message {
  const { thread_id, content, message_id } = payload;
  return messageOf(++stored, stored, { thread_id, content, message_id: message_id!, sender: { id: sender } });
}

describe('messages of one thread', () => {
  test('go one after the other, in the order in which they were given', async () => {
    const { connection, log, send, take, states } = setUp();
    for (const content of ['a', 'b', 'c']) void send(content);
    expect(connection.untaken.length).toBe(1);
    expect(states()).toEqual(['a sending', 'b waiting', 'c waiting']);
    for (const content of ['a', 'b', 'c']) {
      const request = take();
      expect(request.payload).toEqual({ thread_id: 't', content, message_id: `key ${content}` });
      expect(connection.untaken).toEqual([]);
      store(request);
    }
    await turn();
    expect(states()).toEqual([]);
    expect(log.filter((line) => line.startsWith('sent'))).toEqual(['sent a', 'sent b', 'sent c']);
    expect(log.filter((line) => line.startsWith('resolved'))).toEqual(['resolved a', 'resolved b', 'resolved c']);
  });

  test('do not wait for those of other threads', () => {
    const { send, take } = setUp();
    void send('a', 't');
    void send('b', 'u');
    expect([take().payload.content, take().payload.content]).toEqual(['a', 'b']);
  });

  test('are pending at once, as they were given', () => {
    const { outbox, clock } = setUp({ isConnected: false });
    void outbox.send({ thread_id: 't', content: 'a', message_id: 'm', role: 'tool', metadata: { b: 1 } });
    void outbox.send({ thread_id: 't', content: 'c', message_id: 'n' });
    const common = { createdAt: clock.now(), status: 'waiting', error: undefined };
    expect(outbox.pending('t')).toEqual([
      { ...common, messageId: 'm', content: 'a', role: 'tool', metadata: { b: 1 } },
      { ...common, messageId: 'n', content: 'c', role: 'user', metadata: {} },
    ]);
  });
});

describe('without a connection', () => {
  test('nothing is sent: messages wait, and go in order when there is one', async () => {
    const { connection, send, take, states, reconnect, log } = setUp({ isConnected: false });
    void send('a');
    void send('b');
    await turn();
    expect(connection.sent).toEqual([]);
    expect(states()).toEqual(['a waiting', 'b waiting']);
    reconnect();
    store(take());
    store(take());
    await turn();
    expect(log.slice(-2)).toEqual(['resolved a', 'resolved b']);
  });

  test('that broke, what was being sent is sent again with its message_id', async () => {
    const { send, take, states, reconnect, lose, log } = setUp();
    void send('a');
    void send('b');
    const before = take();
    lose();
    expect(states()).toEqual(['a waiting', 'b waiting']);
    reconnect();
    const after = take();
    expect(after.payload).toEqual(before.payload);
    // Should an answer to the first attempt come all the same, it is not taken for one to the second.
    before.refuse({ code: 'forbidden' });
    before.ok({ message: messageOf(99), duplicate: false });
    await turn();
    expect([states(), log]).toEqual([['a sending', 'b waiting'], []]);
    store(after);
    expect(take().payload.content).toBe('b');
  });

  test('nothing that waited for its turn after a refusal is sent', async () => {
    const { clock, connection, send, take, lose, reconnect } = setUp();
    void send('a');
    take().refuse({ code: 'rate_limited', retry_after_ms: 50 });
    lose();
    await clock.advance(20);
    expect(connection.untaken).toEqual([]);
    reconnect();
    expect(take().payload.content).toBe('a');
    // The pause was that of the old connection.
    await clock.advance(1000);
    expect(connection.untaken).toEqual([]);
  });
});

describe('a refusal', () => {
  test.each([['rate_limited'], ['unavailable'], ['overloaded'], ['internal'], ['token_expired']] as const)(
    '%s is for now: the same message goes again, and those behind it wait',
    async (code) => {
      const { clock, connection, send, take, states } = setUp();
      void send('a');
      void send('b');
      const first = take();
      first.refuse({ code, retry_after_ms: 700 });
      await clock.advance(699);
      expect([connection.untaken, states()]).toEqual([[], ['a sending', 'b waiting']]);
      await clock.advance(1);
      const second = take();
      expect(second.payload).toEqual(first.payload);
      store(second);
      expect(take().payload.content).toBe('b');
    },
  );

  test('without a time has pauses that grow, with jitter', async () => {
    const { clock, send, take } = setUp();
    clock.chance = () => 0.9;
    void send('a');
    for (const pauseMs of [900, 1800, 3600]) {
      take().refuse({ code: 'unavailable' });
      expect(clock.pending).toEqual([pauseMs]);
      await clock.advance(pauseMs);
    }
    store(take());
    expect(clock.pending).toEqual([]);
  });

  test('for good fails the message, and the next goes on', async () => {
    const { send, take, states, log, outbox } = setUp();
    void send('a');
    void send('b');
    take().refuse({ code: 'payload_too_large', message: 'too long' });
    expect(states()).toEqual(['a failed', 'b sending']);
    expect(outbox.pending('t')[0]!.error).toMatchObject({
      code: 'payload_too_large',
      message: 'too long',
      retry: 'never',
    });
    store(take());
    await turn();
    expect(log).toEqual(['sent b', 'rejected a: payload_too_large', 'resolved b']);
    expect(states()).toEqual(['a failed']);
  });
});

describe('a failed message', () => {
  test('is sent again when asked for, behind the others and with its message_id', async () => {
    const { outbox, send, take, states, reconnect, lose } = setUp();
    void send('a');
    const first = take();
    first.refuse({ code: 'forbidden' });
    lose();
    void send('b');
    const again = outbox.retry('t', 'key a');
    expect(states()).toEqual(['b waiting', 'a waiting']);
    reconnect();
    store(take());
    const second = take();
    expect(second.payload).toEqual(first.payload);
    store(second);
    expect((await again).content).toBe('a');
    expect(states()).toEqual([]);
  });

  test('does not stop another one with the same message_id', async () => {
    const { outbox, take, states } = setUp();
    const give = (content: string) => outbox.send({ thread_id: 't', content, message_id: 'same' });
    const first = give('much too long');
    take().refuse({ code: 'payload_too_large' });
    await expect(first).rejects.toMatchObject({ code: 'payload_too_large' });
    const second = give('short');
    const third = give('repeated');
    store(take());
    store(take());
    expect([(await second).content, (await third).content]).toEqual(['short', 'repeated']);
    expect(states()).toEqual(['much too long failed']);
    expect(outbox.discard('t', 'same')).toBe(true);
    expect(states()).toEqual([]);
  });

  test.each([
    ['that waits', false],
    ['that is being sent', true],
    ['that is not there', undefined],
  ] as const)('is not one %s: it cannot be sent twice, and is not lost', async (_which, isConnected) => {
    const { outbox, send, reconnect, take, connection } = setUp({ isConnected: isConnected ?? true });
    const sending = isConnected === undefined ? undefined : send('a');
    await expect(outbox.retry('t', 'key a')).rejects.toMatchObject({ code: 'message_not_found', retry: 'never' });
    if (!sending) return;
    if (!isConnected) reconnect();
    store(take());
    expect((await sending).content).toBe('a');
    expect(connection.untaken).toEqual([]);
  });
});

describe('taking back', () => {
  test('a message that waits, or has failed, is possible; one that is being sent stays', async () => {
    const { outbox, send, take, states, log } = setUp();
    void send('a');
    void send('b');
    void send('c');
    expect(outbox.discard('t', 'key a')).toBe(false);
    expect(outbox.discard('t', 'key b')).toBe(true);
    expect(outbox.discard('t', 'key b')).toBe(false);
    take().refuse({ code: 'forbidden' });
    expect(outbox.discard('t', 'key a')).toBe(true);
    expect(take().payload.content).toBe('c');
    await turn();
    expect([states(), log]).toEqual([['c sending'], ['rejected b: discarded', 'rejected a: forbidden']]);
  });
});

describe('a message whose event comes first', () => {
  test('is not pending any more, and resolves with its answer', async () => {
    const { outbox, send, take, states, log } = setUp();
    void send('a');
    const request = take();
    const message = storedOf(request);
    outbox.seen(message);
    expect([states(), log]).toEqual([[], []]);
    request.ok({ message, duplicate: false });
    await turn();
    expect(log).toEqual(['sent a', 'resolved a']);
  });

  test('is sent again after a break all the same: only the answer says what was stored', async () => {
    const { outbox, send, take, states, log, lose, reconnect } = setUp();
    void send('a');
    const request = take();
    lose();
    outbox.seen(storedOf(request));
    expect(states()).toEqual([]);
    reconnect();
    store(take());
    await turn();
    expect(log).toEqual(['sent a', 'resolved a']);
  });
});

describe('a client that is closed', () => {
  test('fails whatever waits or is being sent, and takes nothing more', async () => {
    const { outbox, connection, clock, send, take, states, log } = setUp();
    void send('a');
    take().refuse({ code: 'unavailable' });
    void send('b', 'u');
    connection.close();
    outbox.closed(closedError('closed'));
    void send('c');
    await turn();
    await clock.advance(60_000);
    expect(log).toEqual(['rejected a: closed', 'rejected b: closed', 'rejected c: closed']);
    expect(states()).toEqual(['a failed', 'c failed']);
    expect(connection.sent.length).toBe(2);
  });
});
