import { describe, expect, test } from '@jest/globals';
import { errorObjectSchema } from '@threadwire/protocol';
import { FakeApp, actorOf, identityOf } from '../../support/fake-services.ts';
import type { FakeAppOptions } from '../../support/fake-services.ts';
import { turn } from '../../support/manual-clock.ts';
import { range } from './changes.ts';

const ada = actorOf('ada');
const message_id = 'request-1';

async function setUp(options?: FakeAppOptions) {
  const app = new FakeApp(options);
  await app.thread('t', 'ada');
  const client = app.connect(ada);
  return { app, client, link: client.link };
}

describe('an answer', () => {
  test('goes to the ack where there is one, and nowhere else', async () => {
    const { client, link } = await setUp();
    await client.request('ping', {});
    await client.request('fetch_history', { thread_id: 't' });
    await client.request('subscribe_threads', { threads: [{ thread_id: 't' }, { thread_id: 'none' }] });
    expect(link.names).toEqual(['ack', 'ack', 'ack']);
    expect(link.received[0]).toEqual(['ack', { ok: true, data: { server_time: '2026-01-15T09:30:00.000Z' } }]);
  });

  test('is the reply event where there is no ack', async () => {
    const { client, link } = await setUp();
    await client.emit('ping', {});
    await client.emit('subscribe_thread', { thread_id: 't' });
    await client.emit('fetch_history', { thread_id: 't' });
    expect(link.names).toEqual(['pong', 'thread_history', 'thread_history']);
    expect(link.received[1]![1]).toMatchObject({ thread: { id: 't' }, messages: [], head_seq: 0 });
  });

  test('is nothing where there is neither ack nor reply event', async () => {
    const { client, link } = await setUp();
    await client.emit('create_thread', { id: 'new' });
    await client.emit('send_message', { thread_id: 't', content: 'hello' });
    await client.emit('unsubscribe_thread', { thread_id: 't' });
    expect(link.received).toEqual([]);
  });

  test('of a batch without ack is one event for each entry, in order', async () => {
    const { client, link } = await setUp();
    const threads = ['none', 't'].map((thread_id) => ({ thread_id }));
    await client.emit('subscribe_threads', { threads, message_id });
    expect(link.received).toEqual([
      [
        'error',
        expect.objectContaining({
          code: 'thread_not_found',
          thread_id: 'none',
          event: 'subscribe_threads',
          message_id,
        }),
      ],
      ['thread_history', expect.objectContaining({ head_seq: 0, message_id })],
    ]);
  });

  test('repeats the message_id, on every way', async () => {
    const { client, link } = await setUp();
    const none = { thread_id: 'none', message_id };
    expect(await client.request('ping', { message_id })).toMatchObject({ ok: true, message_id });
    expect(await client.request('fetch_history', none)).toMatchObject({ ok: false, message_id, error: { message_id } });
    await client.emit('ping', { message_id });
    await client.emit('fetch_history', { thread_id: 't', message_id });
    await client.emit('fetch_history', none);
    expect(link.received.slice(2)).toEqual(
      ['pong', 'thread_history', 'error'].map((name) => [name, expect.objectContaining({ message_id })]),
    );
  });

  test('does not come after the connection has closed', async () => {
    const { app, client, link } = await setUp();
    const held = app.store.hold('histories');
    const asked = [client.request('fetch_history', { thread_id: 't' }), client.emit('ping', { bad: true })];
    await held.reached;
    const before = link.received.length;
    client.close();
    held.release();
    await Promise.all(asked);
    expect(link.received.slice(before)).toEqual([]);
  });
});

describe('a failure', () => {
  test('goes to the ack where there is one, else it is the event error', async () => {
    const { client, link } = await setUp();
    await client.request('fetch_history', { thread_id: 'none' });
    await client.emit('fetch_history', { thread_id: 'none' });
    const error = expect.objectContaining({
      code: 'thread_not_found',
      retry: 'never',
      event: 'fetch_history',
      thread_id: 'none',
    });
    expect(link.received).toEqual([
      ['ack', { ok: false, error }],
      ['error', error],
    ]);
  });

  test('names what the request named, as far as that is well-formed', async () => {
    const { client, link } = await setUp();
    await client.emit('stream_chunk', { stream_id: 's', offset: 'x', message_id: 'not an id', thread_id: '' });
    const [error] = link.errors;
    expect(error).toMatchObject({ code: 'invalid_payload', event: 'stream_chunk', stream_id: 's' });
    expect(error).not.toHaveProperty('message_id');
    expect(error).not.toHaveProperty('thread_id');
  });

  test('that nobody foresaw is internal, is logged, and keeps its text to itself', async () => {
    const { app, client } = await setUp();
    const fault = new TypeError('a secret of the store');
    app.store.listThreads = async () => {
      throw fault;
    };
    const error = await client.refused('list_threads', {});
    expect(error).toMatchObject({ code: 'internal', retry: 'later', event: 'list_threads' });
    expect(JSON.stringify(error)).not.toContain('secret');
    const [line] = app.lines;
    expect(line).toMatchObject({ level: 'error', fields: { err: fault, event: 'list_threads' } });
  });

  test('of the store is unavailable, and not our fault', async () => {
    const { app, client } = await setUp();
    app.store.isAway = true;
    expect(await client.refused('list_threads', {})).toMatchObject({ code: 'unavailable', retry_after_ms: 1000 });
    expect(app.lines.map(({ level }) => level)).toEqual(['debug']);
  });
});

describe('an event that is none', () => {
  test.each([
    'no_such_event',
    '',
    'toString',
    '__proto__',
    'constructor',
    'session',
    'thread_message',
    'error',
    7,
    null,
    undefined,
    true,
    { event: 'ping' },
    ['ping'],
  ])('%j is an unknown_event', async (event) => {
    const { app, client, link } = await setUp();
    await client.emit(event, {});
    expect(link.received).toEqual([['error', expect.objectContaining({ code: 'unknown_event', retry: 'never' })]]);
    expect(app.outcomes).toEqual([['unknown', 'unknown_event']]);
  });

  test('is repeated short and well-formed', async () => {
    const { client, link } = await setUp();
    await client.emit(`\uD800${'x'.repeat(1000)}`, {});
    expect(link.errors[0]?.event).toBe(`\uFFFD${'x'.repeat(63)}`);
    expect(errorObjectSchema.safeParse(link.errors[0]).success).toBe(true);
  });
});

describe('an event that carries', () => {
  test.each<[string, unknown[]]>([
    ['nothing', []],
    ['two objects', [{}, {}]],
    ['an object and a function', [{}, () => undefined]],
    ['an array', [[]]],
    ['an array around its payload', [[{}]]],
    ['null', [null]],
    ['text', ['{}']],
    ['a number', [7]],
    ['bytes', [Buffer.from('{}')]],
    ['an unknown field', [{ extra: 1 }]],
  ])('%s is an invalid_payload', async (_name, args) => {
    const { client, link } = await setUp();
    await client.emit('ping', ...args);
    expect(link.received).toEqual([
      [
        'error',
        expect.objectContaining({ code: 'invalid_payload', event: 'ping', details: { issues: [expect.anything()] } }),
      ],
    ]);
  });

  const bytes = Buffer.alloc(1_000_000);
  test.each([
    ['ping', bytes],
    ['ping', { message_id: bytes }],
    ['send_message', { thread_id: 't', content: bytes }],
    ['send_message', { thread_id: 't', content: 'hello', metadata: bytes }],
    ['send_message', { thread_id: 't', content: 'hello', metadata: { bytes } }],
    ['subscribe_threads', { threads: bytes }],
    ['subscribe_threads', { threads: Array(10).fill(bytes) as unknown[] }],
  ])('a megabyte of bytes somewhere is one short issue: %s', async (event, payload) => {
    const { client, link } = await setUp();
    await client.emit(event, payload);
    const [error] = link.errors;
    expect(error).toMatchObject({ code: 'invalid_payload', details: { issues: [{ path: '' }] } });
    expect(JSON.stringify(error).length).toBeLessThan(500);
  });

  test('too much is a payload_too_large', async () => {
    const { client } = await setUp();
    const error = await client.refused('send_message', { thread_id: 't', content: 'x'.repeat(65_537) });
    expect(error).toMatchObject({ code: 'payload_too_large', thread_id: 't', event: 'send_message' });
  });

  test('nesting without end is an invalid_payload', async () => {
    const { client, link } = await setUp();
    const metadata = JSON.parse(`${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`) as unknown;
    await client.emit('send_message', { thread_id: 't', content: 'hello', metadata });
    expect(link.errors).toEqual([expect.objectContaining({ code: 'invalid_payload' })]);
  });
});

describe('a rate limit', () => {
  test('refuses what is beyond the burst, and says how long to wait', async () => {
    const { app, client } = await setUp({ ratePerSecond: 10 });
    const answers = await Promise.all(range(1, 41).map(() => client.request('ping', {})));
    expect(answers.filter(({ ok }) => ok)).toHaveLength(40);
    expect(answers[40]).toMatchObject({
      ok: false,
      error: { code: 'rate_limited', retry: 'later', retry_after_ms: 100 },
    });
    await app.clock.advance(100);
    expect(await client.request('ping', {})).toMatchObject({ ok: true });
  });

  test('counts what is refused for other reasons too', async () => {
    const { client, link } = await setUp({ ratePerSecond: 10 });
    for (let i = 1; i <= 40; i++) await client.emit('no_such_event');
    await client.emit('no_such_event');
    expect(link.errors.at(-1)).toMatchObject({ code: 'rate_limited' });
  });

  test("is each connection's own", async () => {
    const { app, client } = await setUp({ ratePerSecond: 10 });
    for (let i = 1; i <= 41; i++) await client.request('ping', {});
    expect(await app.connect(ada).request('ping', {})).toMatchObject({ ok: true });
  });
});

describe('an expired token', () => {
  test('lets nothing through but a new one', async () => {
    const authenticator = { anonymous: false, identify: async () => identityOf(ada, app.clock.now() + 10_000) };
    const app = new FakeApp({ authenticator });
    const client = app.connect(ada, app.clock.now() + 1000);
    await app.clock.advance(999);
    expect(await client.request('ping', {})).toMatchObject({ ok: true });
    await app.clock.advance(1);
    expect(await client.refused('ping', {})).toMatchObject({ code: 'token_expired', retry: 'reauth' });
    await client.emit('no_such_event', {});
    expect(client.link.errors).toEqual([expect.objectContaining({ code: 'token_expired' })]);
    expect(await client.request('reauth', { token: 'new' })).toMatchObject({ ok: true });
    expect(await client.request('ping', {})).toMatchObject({ ok: true });
  });
});

describe('a server that drains', () => {
  test('takes on nothing, and answers what it had begun', async () => {
    const { app, client } = await setUp();
    const held = app.store.hold('histories');
    const begun = client.request('fetch_history', { thread_id: 't' });
    await held.reached;
    app.lifecycle.startDraining();
    expect(await client.refused('ping', {})).toMatchObject({
      code: 'unavailable',
      retry: 'later',
      retry_after_ms: 1000,
    });
    let isIdle = false;
    void app.lifecycle.whenIdle().then(() => {
      isIdle = true;
    });
    await turn();
    expect(isIdle).toBe(false);
    held.release();
    expect(await begun).toMatchObject({ ok: true });
    await turn();
    expect(isIdle).toBe(true);
  });
});

describe('what is unanswered', () => {
  test('is counted until it is answered, whatever the answer', async () => {
    const { app, client, link } = await setUp();
    const held = app.store.hold('histories');
    const big = { event: 'fetch_history', args: [{ thread_id: 't' }], bytes: 1000 * 1024 };
    const asked = app.dispatch(client.connection, big);
    await held.reached;
    expect(link.reading).toEqual([]);
    const second = app.dispatch(client.connection, { event: 'ping', args: [{ extra: 1 }], bytes: 100 * 1024 });
    await second;
    expect(link.reading).toEqual([false, true]);
    held.release();
    await asked;
    expect(link.names).toEqual(['error', 'thread_history']);
  });

  test('and may be answered at length, is answered one after the other', async () => {
    const { app, client, link } = await setUp();
    const held = app.store.hold('histories');
    const first = client.emit('fetch_history', { thread_id: 't', message_id: 'first' });
    await held.reached;
    const rest = [
      client.emit('fetch_history', { thread_id: 'none' }),
      client.emit('list_threads', { cursor: 'none' }),
      client.emit('subscribe_thread', { thread_id: 'none' }),
      client.emit('unsubscribe_thread', { thread_id: 'not an id' }),
    ];
    await client.emit('ping', {});
    // What is malformed is refused at once, and what is small does not wait.
    expect(link.names).toEqual(['error', 'pong']);
    held.release();
    await Promise.all([first, ...rest]);
    expect(link.names).toEqual(['error', 'pong', 'thread_history', 'error', 'error', 'error']);
  });

  test('is not carried out any more when the connection has closed, and counts for nothing', async () => {
    const { app, client, link } = await setUp();
    const held = app.store.hold('histories');
    const first = client.emit('fetch_history', { thread_id: 't' });
    await held.reached;
    const second = client.emit('fetch_history', { thread_id: 't' });
    client.connection.isClosed = true;
    held.release();
    await Promise.all([first, second]);
    expect(link.names).toEqual([]);
    expect(app.refusals).toMatchObject([{ code: 'unavailable', request: 'fetch_history' }]);
    expect(app.outcomes).toEqual([['fetch_history', 'ok']]);
  });

  test('above 4 MiB makes what comes next an overload', async () => {
    const { app, client } = await setUp();
    const held = app.store.hold('histories');
    const args = [{ thread_id: 't' }];
    const asked = app.dispatch(client.connection, { event: 'fetch_history', args, bytes: 4 * 1024 * 1024 - 256 });
    await held.reached;
    expect(await client.refused('ping', {})).toMatchObject({ code: 'overloaded', retry: 'later' });
    held.release();
    await asked;
    expect(await client.request('ping', {})).toMatchObject({ ok: true });
  });
});

describe('pipelined requests', () => {
  test('are written in the order they came in, into one batch, and answered in it', async () => {
    const { app, client, link } = await setUp();
    const contents = range(1, 100).map((i) => `message ${i}`);
    const answers = await Promise.all(
      contents.map((content) => client.ask('send_message', { thread_id: 't', content })),
    );
    expect(answers.map(({ message }) => [message.seq, message.content])).toEqual(
      contents.map((content, i) => [i + 1, content]),
    );
    expect(app.store.batches).toEqual([100]);
    const acked = link.received.map(
      ([, answer]) => (answer as { data: { message: { seq: number } } }).data.message.seq,
    );
    expect(acked).toEqual(range(1, 100));
  });
});

test('every request is counted by its event and how it ended', async () => {
  const { app, client } = await setUp();
  await client.emit('ping', {});
  await client.emit('ping', { extra: 1 });
  await client.emit('fetch_history', { thread_id: 'none' });
  expect(app.outcomes).toEqual([
    ['ping', 'ok'],
    ['ping', 'invalid_payload'],
    ['fetch_history', 'thread_not_found'],
  ]);
});
