import { describe, expect, test } from '@jest/globals';
import { closedError } from '../../../client-sdk/src/errors.ts';
import { Requests } from '../../../client-sdk/src/requests.ts';
import type { RequestOptions } from '../../../client-sdk/src/requests.ts';
import { turn } from '../../support/manual-clock.ts';
import { SdkClock } from '../../support/sdk-clock.ts';
import { FakeConnection, codeOf, messageOf } from '../../support/sdk-fake-connection.ts';

function setUp({ isConnected = true } = {}) {
  const connection = new FakeConnection();
  if (isConnected) connection.connect();
  const clock = new SdkClock();
  const requests = new Requests(connection, clock, { baseMs: 500, maxMs: 20_000 });
  const log: string[] = [];
  const note = (name: string, call: Promise<unknown>): void => {
    call.then(
      (data) => log.push(`${name} ${JSON.stringify(data)}`),
      (error: unknown) => log.push(`${name} ${codeOf(error)}`),
    );
  };
  const ping = (options?: RequestOptions) => note('ping', requests.call('ping', {}, options));
  const edit = (options?: RequestOptions) =>
    note('edit', requests.call('edit_message', { thread_id: 't', id: 'm1', content: 'x', if_seq: 1 }, options));
  const reconnect = () => {
    connection.connect();
    requests.connected();
  };
  const lose = () => {
    connection.lose();
    requests.lost();
  };
  return { connection, clock, requests, log, ping, edit, reconnect, lose };
}

const pong = { server_time: 'now' };
const answered = 'ping {"server_time":"now"}';

describe('a request', () => {
  test('is sent at once and resolves with the data of its answer', async () => {
    const { connection, clock, log, ping } = setUp();
    ping();
    connection.take('ping').ok(pong);
    await turn();
    expect([log, clock.pending]).toEqual([[answered], []]);
  });

  test('waits for the connection', async () => {
    const { connection, log, ping, reconnect } = setUp({ isConnected: false });
    ping();
    ping();
    expect(connection.sent).toEqual([]);
    reconnect();
    for (const request of [connection.take('ping'), connection.take('ping')]) request.ok(pong);
    await turn();
    expect(log).toEqual([answered, answered]);
  });

  test('is sent again where the connection broke before the answer; the late answer is ignored', async () => {
    const { connection, log, ping, reconnect, lose } = setUp();
    ping();
    const first = connection.take('ping');
    lose();
    reconnect();
    const second = connection.take('ping');
    first.refuse({ code: 'forbidden' });
    first.ok({ server_time: 'then' });
    await turn();
    expect(log).toEqual([]);
    second.ok(pong);
    second.refuse({ code: 'forbidden' });
    await turn();
    expect([log, connection.untaken]).toEqual([[answered], []]);
  });

  test('is sent once, where somebody who heard of the connection first made it', () => {
    const { connection, requests, ping, edit } = setUp({ isConnected: false });
    ping();
    connection.connect();
    edit({ isRepeatable: false });
    requests.connected();
    expect(connection.events).toEqual(['edit_message', 'ping']);
  });

  test('that is refused for good fails with the error as the server gave it', async () => {
    const { connection, requests } = setUp();
    const call = requests.call('delete_message', { thread_id: 't', id: 'm1', if_seq: 3 });
    const details = { seq: 9 };
    connection.take('delete_message').refuse({
      code: 'seq_conflict',
      message: 'changed since',
      details,
      event: 'delete_message',
      thread_id: 't',
      message_id: 'm',
    });
    await expect(call).rejects.toMatchObject({
      name: 'ThreadwireError',
      code: 'seq_conflict',
      message: 'changed since',
      retry: 'never',
      details,
      event: 'delete_message',
      threadId: 't',
      messageId: 'm',
    });
  });

  test.each([['token_expired'], ['unauthenticated']] as const)(
    'refused with %s fails: the same again would too',
    async (code) => {
      const { connection, log, ping } = setUp();
      ping();
      connection.take('ping').refuse({ code });
      await turn();
      expect([log, connection.untaken]).toEqual([[`ping ${code}`], []]);
    },
  );
});

describe('a refusal for now', () => {
  test('has the request sent again after retry_after_ms', async () => {
    const { clock, connection, log, ping } = setUp();
    ping();
    connection.take('ping').refuse({ code: 'rate_limited', retry_after_ms: 300 });
    await clock.advance(299);
    expect(connection.untaken).toEqual([]);
    await clock.advance(1);
    connection.take('ping').ok(pong);
    await turn();
    expect([log, clock.pending]).toEqual([[answered], []]);
  });

  test('without a time has pauses that grow, with jitter', async () => {
    const { clock, connection, ping } = setUp();
    clock.chance = () => 0.9;
    ping({ timeoutMs: 100_000 });
    for (const pauseMs of [900, 1800, 3600]) {
      connection.take('ping').refuse({ code: 'unavailable' });
      expect(clock.pending[0]).toBe(pauseMs);
      await clock.advance(pauseMs);
    }
  });

  test('is what the request fails with when the time is up', async () => {
    const { clock, connection, log, ping } = setUp();
    ping({ timeoutMs: 1000 });
    connection.take('ping').refuse({ code: 'overloaded', retry_after_ms: 5000 });
    await clock.advance(1000);
    expect(log).toEqual(['ping overloaded']);
    await clock.advance(10_000);
    expect(connection.untaken).toEqual([]);
  });

  test('ends with the connection: the request goes on the next one, once', async () => {
    const { clock, connection, log, edit, reconnect, lose } = setUp();
    edit({ isRepeatable: false });
    connection.take('edit_message').refuse({ code: 'overloaded', retry_after_ms: 1000 });
    lose();
    await clock.advance(2000);
    reconnect();
    connection.take('edit_message').ok({ message: messageOf(1, 2) });
    await clock.advance(2000);
    expect(log).toHaveLength(1);
    expect(log[0]).toContain('edit {"message"');
    expect(connection.untaken).toEqual([]);
  });
});

describe('a request that may not be repeated', () => {
  test('fails with no_answer where the connection broke before the answer', async () => {
    const { connection, log, edit, reconnect, lose } = setUp();
    edit({ isRepeatable: false });
    const request = connection.take('edit_message');
    lose();
    reconnect();
    request.ok({ message: messageOf(1, 2) });
    await turn();
    expect([log, connection.untaken]).toEqual([['edit no_answer'], []]);
  });

  test('survives breaks before it was sent', async () => {
    const { connection, log, edit, reconnect, lose } = setUp({ isConnected: false });
    edit({ isRepeatable: false });
    lose();
    reconnect();
    connection.take('edit_message').ok({ message: messageOf(1, 2) });
    await turn();
    expect(log).toHaveLength(1);
    expect(log[0]).toContain('edit {"message"');
  });
});

describe('time', () => {
  test('is up with no_answer, which covers waiting for the connection', async () => {
    const { clock, connection, log, ping, reconnect } = setUp({ isConnected: false });
    ping({ timeoutMs: 1000 });
    await clock.advance(999);
    expect(log).toEqual([]);
    await clock.advance(1);
    expect(log).toEqual(['ping no_answer']);
    reconnect();
    expect(connection.sent).toEqual([]);
  });

  test('is 10 s where nothing is said, over all attempts', async () => {
    const { clock, connection, log, ping, reconnect, lose } = setUp();
    ping();
    await clock.advance(6000);
    lose();
    reconnect();
    await clock.advance(3999);
    expect(log).toEqual([]);
    await clock.advance(1);
    expect(log).toEqual(['ping no_answer']);
    connection.take('ping');
    connection.take('ping').ok(pong);
    await turn();
    expect(log).toHaveLength(1);
  });
});

describe('a client that is closed', () => {
  test('fails what waits, and what comes later', async () => {
    const { clock, connection, requests, log, ping } = setUp();
    ping();
    connection.take('ping').refuse({ code: 'overloaded', retry_after_ms: 1000 });
    ping();
    connection.close();
    requests.closed(closedError('closed'));
    ping();
    await turn();
    expect(log).toEqual(['ping closed', 'ping closed', 'ping closed']);
    expect(clock.pending).toEqual([]);
  });
});
