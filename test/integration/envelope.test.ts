import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { errorObjectSchema, limits, serverEvents, sessionSchema } from '@threadwire/protocol';
import type { Answer, ErrorObject, ThreadHistory } from '@threadwire/protocol';
import { startApp } from '../support/app.ts';
import type { App } from '../support/app.ts';
import { connectClient } from '../support/client.ts';
import { eventually } from '../support/eventually.ts';
import { connectWire } from '../support/wire-client.ts';
import type { WireClient } from '../support/wire-client.ts';
import { fresh, newThread, range, sendText } from './helpers.ts';

const mib = 1024 * 1024;

let app: App;
beforeAll(async () => {
  app = await startApp({ ratePerSecond: 0 });
});
afterAll(async () => app[Symbol.asyncDispose]());

const connect = () => connectWire(app.url, { auth: { user: 'ada' } });

/** A socket as a test's client has it after `session`. */
async function open(): Promise<WireClient> {
  const wire = await connect();
  await wire.event('session');
  return wire;
}

/** The connection still works: what came before the answer to this is all that came. */
async function expectAlive(wire: WireClient): Promise<void> {
  expect(await wire.request('ping', {})).toMatchObject({ ok: true });
}

/** Takes the next frame, which has to be the event `error`. */
async function nextError(wire: WireClient): Promise<ErrorObject> {
  const frame = (await wire.next()).toString();
  expect(frame.slice(0, 200)).toMatch(/^42\["error",/);
  return errorObjectSchema.strict().parse((JSON.parse(frame.slice(2)) as unknown[])[1]);
}

describe('after CONNECT', () => {
  test('session comes first, and says who and what is allowed', async () => {
    await using wire = await connect();
    const frame = (await wire.next()).toString();
    expect(frame).toMatch(/^42\["session",/);
    const session = sessionSchema.strict().parse((JSON.parse(frame.slice(2)) as unknown[])[1]);
    expect(session).toEqual({
      client_id: expect.any(String),
      user: { id: 'ada' },
      server_id: expect.any(String),
      protocol_version: 1,
      limits: {
        max_content_bytes: 64 * 1024,
        max_frame_bytes: mib,
        max_subscriptions: 1000,
        max_history_page: 200,
        rate_per_second: 0,
      },
    });
  });

  test('each connection has a client_id of its own', async () => {
    await using one = await connectClient(app.url, { user: 'ada' });
    await using two = await connectClient(app.url, { user: 'ada' });
    expect(one.session.client_id).not.toBe(two.session.client_id);
    expect(one.session.server_id).toBe(two.session.server_id);
  });
});

describe('the answer to a request with an ack', () => {
  test('is the ack alone, where it is ok', async () => {
    await using wire = await open();
    const { id } = await newThreadOf(wire);
    expect(await wire.request('ping', {})).toEqual({ ok: true, data: { server_time: expect.any(String) } });
    expect(await wire.request('subscribe_thread', { thread_id: id })).toMatchObject({
      ok: true,
      data: { messages: [] },
    });
    expect(await wire.request('fetch_history', { thread_id: id })).toMatchObject({ ok: true });
    const batch = { threads: [{ thread_id: id }, { thread_id: fresh('none') }] };
    expect(await wire.request('subscribe_threads', batch)).toMatchObject({
      ok: true,
      data: { threads: [{ ok: true }, { ok: false, error: { code: 'thread_not_found' } }] },
    });
    expect(wire.untaken).toEqual([]);
  });

  test('is the ack alone, where it is an error', async () => {
    await using wire = await open();
    expect(await wire.request('fetch_history', { thread_id: 'none', message_id: 'm-1' })).toEqual({
      ok: false,
      error: {
        code: 'thread_not_found',
        message: expect.any(String),
        retry: 'never',
        event: 'fetch_history',
        thread_id: 'none',
        message_id: 'm-1',
      },
      message_id: 'm-1',
    });
    expect(await wire.request('ping', { extra: 1 })).toMatchObject({ ok: false, error: { code: 'invalid_payload' } });
    expect(await wire.request('no_such_event', {})).toMatchObject({ ok: false, error: { code: 'unknown_event' } });
    await expectAlive(wire);
    expect(wire.untaken).toEqual([]);
  });

  test('repeats the message_id, and has none where none was given', async () => {
    await using wire = await open();
    expect(await wire.request('ping', { message_id: 'Az09_.:-' })).toMatchObject({ ok: true, message_id: 'Az09_.:-' });
    expect(await wire.request('ping', {})).not.toHaveProperty('message_id');
    const longest = 'x'.repeat(64);
    expect(await wire.request('nothing', { message_id: longest })).toMatchObject({
      ok: false,
      message_id: longest,
      error: { message_id: longest },
    });
    // One that is not valid is not repeated.
    for (const message_id of ['x'.repeat(65), '', 'a b', 7, null]) {
      const answer = await wire.request('ping', { message_id });
      expect(answer).toMatchObject({
        ok: false,
        error: { code: 'invalid_payload', details: { issues: [{ path: 'message_id' }] } },
      });
      expect(answer).not.toHaveProperty('message_id');
      expect((answer as { error: object }).error).not.toHaveProperty('message_id');
    }
  });

  test('comes once for each of many requests that use the same ack id at a time', async () => {
    await using wire = await open();
    for (let i = 0; i < 20; i += 1) wire.send('427["ping",{}]');
    for (let i = 0; i < 20; i += 1) expect(await wire.ack(7)).toMatchObject({ ok: true });
    await expectAlive(wire);
    expect(wire.untaken).toEqual([]);
  });

  test('carries the largest ack id that a number can be', async () => {
    await using wire = await open();
    wire.send(`42${Number.MAX_SAFE_INTEGER}["ping",{}]`);
    expect(await wire.ack(Number.MAX_SAFE_INTEGER)).toMatchObject({ ok: true });
  });
});

describe('the answer to a request without an ack', () => {
  test('is the reply event where there is one, with the message_id as a field', async () => {
    await using wire = await open();
    const { id } = await newThreadOf(wire);
    wire.emit('ping', { message_id: 'p-1' });
    expect(serverEvents.pong.payload.strict().parse(await wire.event('pong'))).toMatchObject({ message_id: 'p-1' });
    wire.emit('ping', {});
    expect(await wire.event('pong')).toEqual({ server_time: expect.any(String) });
    for (const event of ['subscribe_thread', 'fetch_history']) {
      wire.emit(event, { thread_id: id, message_id: 'h-1' });
      const history = await wire.event('thread_history');
      expect(serverEvents.thread_history.payload.strict().parse(history)).toMatchObject({
        thread: { id },
        message_id: 'h-1',
      });
    }
    expect(wire.untaken).toEqual([]);
  });

  test('is one thread_history or error for each entry of subscribe_threads, in order', async () => {
    await using wire = await open();
    const [one, two, none] = [(await newThreadOf(wire)).id, (await newThreadOf(wire)).id, fresh('none')];
    wire.emit('subscribe_threads', {
      threads: [one, none, two].map((thread_id) => ({ thread_id })),
      message_id: 'b-1',
    });
    expect(await wire.next()).toMatch(/^42\["thread_history"/);
    expect(await nextError(wire)).toMatchObject({
      code: 'thread_not_found',
      event: 'subscribe_threads',
      thread_id: none,
      message_id: 'b-1',
    });
    expect(await wire.event('thread_history')).toMatchObject({ thread: { id: two }, message_id: 'b-1' });
    await expectAlive(wire);
    expect(wire.untaken).toEqual([]);
  });

  test('is nothing where it is ok and has no reply event', async () => {
    await using wire = await open();
    const id = fresh('t');
    const look = async () => (await wire.request('fetch_history', { thread_id: id })) as Answer<'fetch_history'>;
    const effect = (what: string, isThere: (history: ThreadHistory) => boolean) =>
      eventually(what, async () => {
        const answer = await look();
        return answer.ok && isThere(answer.data);
      });
    wire.emit('create_thread', { id });
    await eventually('the thread', async () => (await look()).ok);
    for (const event of ['list_threads', 'watch_threads', 'unwatch_threads']) wire.emit(event, {});
    wire.emit('reauth', { token: 'any' });
    wire.emit('unsubscribe_thread', { thread_id: id });
    wire.emit('update_thread', { thread_id: id, title: 'new' });
    wire.emit('send_message', { thread_id: id, content: 'hello', message_id: 'm-1' });
    await effect('title and message', ({ thread, messages }) => thread.title === 'new' && messages.length === 1);
    const answer = await look();
    const message = answer.ok ? answer.data.messages[0]!.id : '';
    wire.emit('edit_message', { thread_id: id, id: message, content: 'hello again' });
    wire.emit('delete_message', { thread_id: id, id: message });
    await effect('the tombstone', ({ messages }) => messages[0]?.seq === 3);
    await expectAlive(wire);
    expect(wire.untaken).toEqual([]);
  });

  test('is the event error where it is refused', async () => {
    await using wire = await open();
    wire.emit('fetch_history', { thread_id: 'none', message_id: 'm-1' });
    expect(await nextError(wire)).toEqual({
      code: 'thread_not_found',
      message: expect.any(String),
      retry: 'never',
      event: 'fetch_history',
      thread_id: 'none',
      message_id: 'm-1',
    });
    wire.emit('send_message', { thread_id: 'none', message_id: 'm-2' });
    expect(await nextError(wire)).toMatchObject({
      code: 'invalid_payload',
      event: 'send_message',
      thread_id: 'none',
      message_id: 'm-2',
      details: { issues: [{ path: 'content', message: expect.any(String) }] },
    });
    await expectAlive(wire);
    expect(wire.untaken).toEqual([]);
  });
});

describe('a payload', () => {
  test.each([
    ['none at all', []],
    ['null', [null]],
    ['a string', ['{}']],
    ['a number', [0]],
    ['a truth value', [true]],
    ['a list', [[]]],
    ['two objects', [{}, {}]],
    ['an object and null', [{}, null]],
    ['an unknown field', [{ unknown: undefined, extra: 1 }]],
  ])('that is %s is an invalid_payload', async (_what, args) => {
    await using wire = await open();
    wire.send(`429${JSON.stringify(['ping', ...args])}`);
    const answer = (await wire.ack(9)) as { error: ErrorObject };
    expect(answer).toMatchObject({ ok: false, error: { code: 'invalid_payload', retry: 'never', event: 'ping' } });
    expect(answer.error.details?.issues).not.toHaveLength(0);
    wire.emit('ping', ...args);
    expect(await nextError(wire)).toMatchObject({ code: 'invalid_payload', event: 'ping' });
    await expectAlive(wire);
  });

  test('names each wrong field by its path', async () => {
    await using wire = await open();
    const threads = [{ thread_id: 'fine' }, { thread_id: '', after_seq: -1, 'a.b': 1 }];
    const answer = (await wire.request('subscribe_threads', { threads, x: 1 })) as { error: ErrorObject };
    const paths = answer.error.details!.issues!.map((issue) => issue.path);
    expect(paths.toSorted()).toEqual(['threads.1.a.b', 'threads.1.after_seq', 'threads.1.thread_id', 'x']);
  });

  test('of bytes, empty or not, or with bytes in it, is an invalid_payload', async () => {
    await using wire = await open();
    for (const bytes of [Buffer.alloc(0), Buffer.from('{}'), Buffer.alloc(512 * 1024, 1)]) {
      wire.send('451-5["ping",{"_placeholder":true,"num":0}]');
      wire.send(bytes);
      expect(await wire.ack(5)).toMatchObject({ ok: false, error: { code: 'invalid_payload', event: 'ping' } });
    }
    const { id } = await newThreadOf(wire);
    for (const field of ['content', 'metadata', 'thread_id', 'message_id', 'role', 'extra']) {
      const payload = { thread_id: id, content: 'x', [field]: { _placeholder: true, num: 0 } };
      wire.send(`451-6${JSON.stringify(['send_message', payload])}`);
      wire.send(Buffer.alloc(0));
      expect(await wire.ack(6)).toMatchObject({ ok: false, error: { code: 'invalid_payload', event: 'send_message' } });
    }
    const nested = { thread_id: id, content: 'x', metadata: { a: [{ _placeholder: true, num: 0 }] } };
    wire.send(`451-6${JSON.stringify(['send_message', nested])}`);
    wire.send(Buffer.from('bytes'));
    expect(await wire.ack(6)).toMatchObject({ ok: false, error: { code: 'invalid_payload' } });
    expect(await wire.request('fetch_history', { thread_id: id })).toMatchObject({ data: { head_seq: 0 } });
  });
});

describe('an unknown event', () => {
  test.each([
    ['no_such_event'],
    [''],
    ['__proto__'],
    ['constructor'],
    ['toString'],
    ['hasOwnProperty'],
    ['error'],
    ['message'],
    ['connection'],
    ['data'],
    ['session'],
    ['pong'],
    ['thread_message'],
    ['PING'],
    ['ping '],
    ['a\0b'],
    ['\uD800'],
    ['\u{1F600}'],
    [123],
    [0],
    [-1.5],
  ])('%j is answered with unknown_event', async (name) => {
    await using wire = await open();
    wire.send(`425${JSON.stringify([name, {}])}`);
    const answer = (await wire.ack(5)) as { error: ErrorObject };
    expect(answer).toMatchObject({ ok: false, error: { code: 'unknown_event', retry: 'never' } });
    expect(errorObjectSchema.strict().safeParse(answer.error)).toMatchObject({ success: true });
    if (typeof name === 'string' && name !== '\uD800') expect(answer.error.event).toBe(name);
    wire.send(`42${JSON.stringify([name, {}])}`);
    expect(await nextError(wire)).toMatchObject({ code: 'unknown_event' });
    wire.send(`42${JSON.stringify([name])}`);
    expect(await nextError(wire)).toMatchObject({ code: 'unknown_event' });
    await expectAlive(wire);
  });

  test('with a name of nearly 1 MiB is answered, and its name not repeated in full', async () => {
    await using wire = await open();
    wire.send(`425${JSON.stringify(['n'.repeat(mib - 100), {}])}`);
    const answer = (await wire.ack(5)) as { error: ErrorObject };
    expect(answer.error.code).toBe('unknown_event');
    expect(JSON.stringify(answer).length).toBeLessThan(1000);
    await expectAlive(wire);
  });
});

describe('an event name that Socket.IO reserves', () => {
  test.each([['connect'], ['connect_error'], ['disconnect'], ['disconnecting'], ['newListener'], ['removeListener']])(
    '%s closes the connection, and that one only',
    async (name) => {
      await using bystander = await open();
      for (const frame of [`42${JSON.stringify([name, {}])}`, `427${JSON.stringify([name])}`, `451-["${name}",{}]`]) {
        await using wire = await open();
        wire.send(frame);
        await wire.closing();
        expect(wire.untaken).toEqual([]);
      }
      await expectAlive(bystander);
    },
  );
});

describe('the size of a frame', () => {
  const frameOf = (bytes: number) => {
    const frame = '421["ping",{"x":"?"}]';
    return frame.replace('?', 'x'.repeat(bytes - frame.length + 1));
  };

  test('may be exactly 1 MiB', async () => {
    await using wire = await open();
    expect(frameOf(mib)).toHaveLength(mib);
    wire.send(frameOf(mib));
    expect(await wire.ack(1)).toMatchObject({ ok: false, error: { code: 'invalid_payload' } });
    wire.send(Buffer.alloc(mib));
    expect(await nextError(wire)).toMatchObject({ code: 'invalid_payload' });
    await expectAlive(wire);
  });

  test('above 1 MiB closes the connection with code 1009, and that one only', async () => {
    await using bystander = await open();
    const ofTwoByteLetters = `421["ping",{"x":"${'é'.repeat(mib / 2)}"}]`;
    for (const frame of [frameOf(mib + 1), Buffer.alloc(mib + 1), ofTwoByteLetters]) {
      await using wire = await open();
      wire.send(frame);
      expect(await wire.closing()).toMatchObject({ code: 1009 });
    }
    await expectAlive(bystander);
  });

  test('counts bytes, and all fragments of a message together', async () => {
    await using wire = await open();
    wire.socket.send('4'.repeat(mib), { fin: false });
    wire.socket.send('4', { fin: true });
    expect(await wire.closing()).toMatchObject({ code: 1009 });
  });

  test('takes a subscribe_threads of 1,000 entries and a content of 64 KiB', async () => {
    await using client = await connectClient(app.url, { user: 'ada' });
    const threads = range(1, limits.maxSubscribeBatch).map((i) => ({
      thread_id: `${'x'.repeat(60)}${i}`.slice(0, 64),
    }));
    expect((await client.call('subscribe_threads', { threads })).threads).toHaveLength(1000);
    const { id } = await newThread(client);
    expect((await sendText(client, id, '\u0001'.repeat(64 * 1024))).content).toHaveLength(64 * 1024);
  });
});

describe('a packet that is not Socket.IO', () => {
  test.each([
    ['no JSON', '42["ping",{}'],
    ['JSON that is no list', '42{"ping":{}}'],
    ['an empty list', '42[]'],
    ['an event without a list', '42'],
    ['an event that is a string', '42"ping"'],
    ['an event whose name is an object', '42[{},{}]'],
    ['an event whose name is null', '42[null]'],
    ['an event whose name is a list', '42[["ping"],{}]'],
    ['an unknown packet type', '47["ping",{}]'],
    ['a packet type that is no number', '4x'],
    ['no packet type', '4'],
    ['a blank for a packet type', '4 '],
    ['a blank before an auth object', '4\t{"user":"bo"}'],
    ['an event without a list, with an ack id', '425'],
    ['text after the JSON', '42["ping",{}]x'],
    ['a negative ack id', '42-1["ping",{}]'],
    ['a binary event without a count', '45["ping",{"_placeholder":true,"num":0}]'],
    ['a binary event of no attachments', '450-["ping",{}]'],
    ['a binary event of too many attachments', '4511-["ping",{}]'],
    ['a binary event with a count that is no number', '45x-["ping",{}]'],
    ['an ack that is no list', '430{}'],
    ['an ack that nobody asked for', '430[]'],
    ['an ack without an id', '43[{"ok":true}]'],
    ['an ack of the largest id', `43${Number.MAX_SAFE_INTEGER}[]`],
    ['a binary ack that nobody asked for', '461-0[{"_placeholder":true,"num":0}]'],
    ['a DISCONNECT with a payload', '41{"reason":"x"}'],
    ['a CONNECT_ERROR', '44{"message":"x"}'],
    ['a CONNECT_ERROR that is not valid', '44[]'],
    ['a second CONNECT', '40'],
    ['a second CONNECT with an auth object', '40{"user":"bo"}'],
    ['a second CONNECT that is not valid', '40[]'],
    ['an event in a namespace that is not open', '42/other,["ping",{}]'],
    ['an ack in a namespace that is not open', '43/other,0[]'],
    ['a DISCONNECT of a namespace that is not open', '41/other,'],
    ['an event in the namespace __proto__', '42/__proto__,["ping",{}]'],
    ['bytes that nobody announced', Buffer.from([1, 2, 3])],
    ['no bytes', Buffer.alloc(0)],
    ['bytes in base64 that nobody announced', 'bAQID'],
  ])('%s: is answered with an error, and the connection stays open', async (_what, frame) => {
    await using wire = await open();
    wire.send(frame);
    const error = await nextError(wire);
    expect(error).toMatchObject({ code: 'invalid_payload', retry: 'never' });
    expect(error).not.toHaveProperty('fatal');
    expect(error.details?.issues).not.toHaveLength(0);
    await expectAlive(wire);
    expect(wire.untaken).toEqual([]);
  });

  test('a CONNECT to a namespace that does not exist is refused there', async () => {
    await using wire = await open();
    for (const namespace of ['/other', '/__proto__', '/admin/x']) {
      wire.send(`40${namespace},`);
      expect(await wire.next()).toMatch(new RegExp(`^44${namespace},`));
    }
    await expectAlive(wire);
    expect(wire.untaken).toEqual([]);
  });

  test('attachments that do not come do not swallow the next request', async () => {
    await using wire = await open();
    wire.send('451-3["ping",{"_placeholder":true,"num":0}]');
    wire.send('424["ping",{"message_id":"next"}]');
    expect(await nextError(wire)).toMatchObject({ code: 'invalid_payload' });
    expect(await wire.ack(4)).toMatchObject({ ok: true, message_id: 'next' });
    wire.send('452-3["ping",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]');
    wire.send(Buffer.from('one'));
    wire.send('425["ping",{}]');
    expect(await nextError(wire)).toMatchObject({ code: 'invalid_payload' });
    expect(await wire.ack(5)).toMatchObject({ ok: true });
    expect(wire.untaken).toEqual([]);
  });

  test.each([['7'], ['-1'], ['1e99'], ['"0"'], ['null'], ['{}']])(
    'a placeholder for attachment %s, which is none, is answered with an error',
    async (num) => {
      await using wire = await open();
      wire.send(`451-["ping",{"_placeholder":true,"num":${num}}]`);
      wire.send(Buffer.from('x'));
      expect(await nextError(wire)).toMatchObject({ code: 'invalid_payload' });
      await expectAlive(wire);
      expect(wire.untaken).toEqual([]);
    },
  );

  test('DISCONNECT ends the session, as Socket.IO has it', async () => {
    await using wire = await open();
    const { id } = await newThreadOf(wire);
    await wire.request('subscribe_thread', { thread_id: id });
    wire.send('41');
    wire.send('40/none,');
    await wire.nextText('44/none,');
    wire.send('40{"user":"bo"}');
    expect(await wire.event('session')).toMatchObject({ user: { id: 'bo' } });
    // The new session is not in the thread of the old one.
    await wire.request('send_message', { thread_id: id, content: 'hello' });
    await expectAlive(wire);
    expect(wire.untaken.filter((frame) => frame.toString().includes('thread_message'))).toEqual([]);
  });
});

describe('an Engine.IO packet that is out of place', () => {
  test.each([
    ['an unknown type', '9'],
    ['no type', ''],
    ['a type that is no number', 'x'],
    ['a ping, which is the server’s to send', '2'],
    ['a ping with data', '2probe'],
  ])('%s: is answered with an error, and the connection stays open', async (_what, frame) => {
    await using wire = await open();
    wire.send(frame);
    expect(await nextError(wire)).toMatchObject({ code: 'invalid_payload', retry: 'never' });
    await expectAlive(wire);
    expect(wire.untaken).toEqual([]);
  });

  test.each([
    ['a pong that nobody asked for', '3'],
    ['a pong with data', '3x'],
    ['an open', '0{}'],
    ['a close', '1'],
    ['an upgrade', '5'],
    ['a noop', '6'],
  ])('%s: changes nothing', async (_what, frame) => {
    await using wire = await open();
    wire.send(frame);
    await expectAlive(wire);
    expect(wire.untaken).toEqual([]);
  });
});

async function newThreadOf(wire: WireClient): Promise<{ id: string }> {
  const answer = (await wire.request('create_thread', {})) as { data: { thread: { id: string } } };
  return answer.data.thread;
}
