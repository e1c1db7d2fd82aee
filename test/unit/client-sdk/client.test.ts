import { describe, expect, test } from '@jest/globals';
import type { ConnectAuth, Message } from '@threadwire/protocol';
import type { ClientOptions, ThreadwireClient } from '../../../client-sdk/src/client.ts';
import { turn } from '../../support/manual-clock.ts';
import { SdkClock } from '../../support/sdk-clock.ts';
import { errorObject, messageOf, outcome, pageOf, sessionOf, threadOf } from '../../support/sdk-fake-connection.ts';
import { clientsOnFakeSockets } from '../../support/sdk-fake-socket.ts';
import type { FakeServerEnd, FakeSocket } from '../../support/sdk-fake-socket.ts';

const opening = clientsOnFakeSockets();

interface Request {
  readonly event: string;
  readonly payload: unknown;
  readonly ack: (answer: unknown) => void;
}

/** A client, and the server's end of its connection in the test's hands. */
async function setUp(options: ClientOptions = {}) {
  const requests: Request[] = [];
  const auths: ConnectAuth[] = [];
  const attempts = { count: 0 };
  let socket!: FakeSocket;
  const end: FakeServerEnd = {
    onOpen: (opened) => {
      socket = opened;
      attempts.count += 1;
    },
    onAuth: (_socket, auth) => void auths.push(auth),
    onRequest: (event, payload, ack) => void requests.push({ event, payload, ack }),
  };
  const clock = new SdkClock();
  const client = (await opening)(end, { clock, ...options });
  const statuses: string[] = [];
  client.onStatus(() => statuses.push(client.getStatus().state));
  const events = () => requests.map(({ event }) => event);
  const take = (event: string): Request => {
    const request = requests.shift();
    expect(request?.event).toBe(event);
    return request!;
  };
  return { client, clock, socket, requests, events, take, auths, attempts, statuses };
}

function isConnected(client: ThreadwireClient): boolean {
  return client.getStatus().state === 'connected';
}

function statusOf(client: ThreadwireClient): unknown {
  const { state, error } = client.getStatus();
  return error ? [state, error.code] : state;
}

describe('a client', () => {
  test('connects at once, says who it is, and has a session', async () => {
    const { client, clock, socket, auths, statuses, events } = await setUp({
      user: 'ada',
      app: { name: 'a', version: '1' },
      token: 'x',
    });
    const connected = client.connected();
    expect([socket.state, statusOf(client)]).toEqual(['opening', 'connecting']);
    socket.handshake();
    await turn();
    expect(auths).toEqual([{ protocol_version: 1, token: 'x', user: 'ada', client: { name: 'a', version: '1' } }]);
    socket.accept();
    expect(await connected).toEqual(sessionOf('ada'));
    expect(await client.connected()).toEqual(sessionOf('ada'));
    expect([statusOf(client), statuses]).toEqual(['connected', ['connected']]);
    expect(client.getStatus()).toBe(client.getStatus());
    // That it has held for a while is nothing that anybody need know.
    client.thread('t').subscribe();
    await clock.advance(10_000);
    expect([statuses, events()]).toEqual([['connected'], ['subscribe_threads']]);
  });

  test.each([['transport close'], ['ping timeout'], ['transport error'], ['io server disconnect']])(
    'that lost its connection by "%s" makes another one',
    async (reason) => {
      const { client, clock, socket, attempts } = await setUp();
      socket.accept();
      socket.drop(reason);
      expect(statusOf(client)).toEqual(['reconnecting', 'unavailable']);
      expect(client.getStatus().error!.message).toContain(reason);
      expect(clock.pending).toEqual([250]);
      await clock.advance(250);
      expect(attempts.count).toBe(2);
      socket.accept();
      expect(statusOf(client)).toBe('connected');
    },
  );

  test('whose attempts fail has longer and longer pauses, until a connection has held for a while', async () => {
    const { clock, socket } = await setUp();
    clock.chance = () => 0.999;
    const fail = async (): Promise<number> => {
      socket.refuse();
      const [pauseMs] = clock.pending;
      await clock.advance(pauseMs!);
      return pauseMs!;
    };
    const pauses = [];
    for (let i = 0; i < 7; i += 1) pauses.push(await fail());
    expect(pauses).toEqual([499, 999, 1998, 3996, 7992, 15_984, 19_980]);
    // One that breaks at once does not count.
    socket.accept();
    await clock.advance(4999);
    socket.drop();
    expect(clock.pending).toEqual([19_980]);
    await clock.advance(19_980);
    socket.accept();
    await clock.advance(5000);
    socket.drop();
    expect(clock.pending).toEqual([499]);
  });

  test('gives an attempt up that leads nowhere', async () => {
    const { client, clock, socket, attempts } = await setUp();
    await clock.advance(19_999);
    expect([socket.state, statusOf(client)]).toEqual(['opening', 'connecting']);
    await clock.advance(1);
    expect([socket.state, statusOf(client)]).toEqual(['closed', ['reconnecting', 'unavailable']]);
    await clock.advance(250);
    expect([socket.state, attempts.count]).toEqual(['opening', 2]);
  });

  test('comes back when a draining server told it to, and by its own pauses after that', async () => {
    const { client, clock, socket, attempts } = await setUp();
    const notices: unknown[] = [];
    client.on('system_status', (notice) => notices.push(notice.retry_after_ms));
    socket.accept();
    socket.deliver('system_status', { status: 'draining', retry_after_ms: 2417 });
    socket.drop();
    expect([clock.pending, notices]).toEqual([[2417], [2417]]);
    await clock.advance(2417);
    expect(attempts.count).toBe(2);
    socket.refuse();
    expect(clock.pending).toEqual([500]);
  });

  test('says why the server ended the connection', async () => {
    const { client, clock, socket } = await setUp();
    socket.accept();
    socket.deliver('error', errorObject({ code: 'slow_consumer', retry: 'later', fatal: true, retry_after_ms: 40 }));
    socket.drop();
    expect(statusOf(client)).toEqual(['reconnecting', 'slow_consumer']);
    await clock.advance(40);
    socket.accept();
    socket.drop();
    expect(statusOf(client)).toEqual(['reconnecting', 'unavailable']);
  });

  test.each([['protocol_mismatch'], ['invalid_payload'], ['forbidden']] as const)(
    'that is refused with %s is closed: it would be again',
    async (code) => {
      const { client, clock, socket, attempts } = await setUp({ token: () => 'new each time' });
      const connected = client.connected();
      socket.refuse(errorObject({ code }));
      await expect(connected).rejects.toMatchObject({ code });
      await expect(client.connected()).rejects.toMatchObject({ code });
      await expect(client.listThreads()).rejects.toMatchObject({ code: 'closed' });
      await expect(client.thread('t').send('x')).rejects.toMatchObject({ code: 'closed' });
      await expect(client.thread('t').subscribe().ready).rejects.toMatchObject({ code: 'closed' });
      client.watchThreads();
      expect(client.threadList.getSnapshot().status).toBe('failed');
      await clock.advance(60_000);
      expect([statusOf(client), attempts.count]).toEqual([['closed', code], 1]);
    },
  );

  test('that is closed stays so, and fails what waits', async () => {
    const { client, clock, socket, attempts, take } = await setUp();
    socket.accept();
    const calls = [client.thread('t').send('x'), client.listThreads()].map(outcome);
    client.close();
    client.close();
    expect(await Promise.all(calls)).toMatchObject([{ code: 'closed' }, { code: 'closed' }]);
    take('send_message');
    await clock.advance(60_000);
    client.setToken('new');
    expect([statusOf(client), socket.state, attempts.count, clock.pending]).toEqual(['closed', 'closed', 1, []]);
  });

  test('in a page tries again at once when the network is back, unless it is connected or closed', async () => {
    const page = globalThis as unknown as Record<string, unknown>;
    const online = new Set<() => void>();
    page['addEventListener'] = (_type: string, listener: () => void) => online.add(listener);
    page['removeEventListener'] = (_type: string, listener: () => void) => online.delete(listener);
    try {
      const { client, clock, socket, attempts } = await setUp();
      const comeBack = () => {
        for (const listener of online) listener();
      };
      socket.refuse();
      expect(clock.pending).toEqual([250]);
      comeBack();
      comeBack();
      expect([attempts.count, socket.state]).toEqual([2, 'opening']);
      socket.accept();
      comeBack();
      await clock.advance(1000);
      expect([attempts.count, statusOf(client)]).toEqual([2, 'connected']);
      client.close();
      expect(online.size).toBe(0);
    } finally {
      delete page['addEventListener'];
      delete page['removeEventListener'];
    }
  });

  test('is told to reconnect, and does so at once where it waits to', async () => {
    const { client, clock, socket, attempts } = await setUp();
    client.reconnect();
    expect(attempts.count).toBe(1);
    socket.refuse();
    expect(clock.pending).toEqual([250]);
    client.reconnect();
    client.reconnect();
    expect([attempts.count, socket.state]).toEqual([2, 'opening']);
    socket.accept();
    client.reconnect();
    expect([attempts.count, statusOf(client)]).toEqual([2, 'connected']);
    client.close();
    client.reconnect();
    expect([attempts.count, socket.state]).toEqual([2, 'closed']);
  });

  test('closed while it waits to reconnect does not', async () => {
    const { client, clock, socket, attempts } = await setUp();
    socket.refuse();
    client.close();
    await clock.advance(60_000);
    expect([statusOf(client), attempts.count]).toEqual(['closed', 1]);
  });
});

describe('a herd of 200 clients that lose their connections at one instant', () => {
  test.each([
    [0, 500],
    [3, 4000],
    [9, 20_000],
  ])('comes back spread over the whole range, after %i failed attempts', async (failures, rangeMs) => {
    let seed = 1;
    const chance = (): number => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    const herd = await Promise.all(Array.from({ length: 200 }, () => setUp()));
    const pauses: number[] = [];
    for (const { clock, socket } of herd) {
      clock.chance = chance;
      for (let i = 0; i < failures; i += 1) {
        socket.refuse();
        await clock.advance(clock.pending[0]!);
      }
      socket.accept();
      socket.drop();
      pauses.push(clock.pending[0]!);
    }
    const perTenth = Array.from({ length: 10 }, (_, i) => {
      return pauses.filter((ms) => ms >= (i * rangeMs) / 10 && ms < ((i + 1) * rangeMs) / 10).length;
    });
    expect(perTenth.reduce((sum, count) => sum + count)).toBe(200);
    // Twenty would be even; one instant for all of them would be two hundred.
    expect(Math.min(...perTenth)).toBeGreaterThanOrEqual(8);
    expect(Math.max(...perTenth)).toBeLessThanOrEqual(36);
    for (const { client } of herd) client.close();
  });
});

describe('a token', () => {
  test('is asked for before every attempt', async () => {
    let asked = 0;
    const { clock, socket, auths } = await setUp({ token: () => `token ${++asked}` });
    for (let i = 0; i < 3; i += 1) {
      socket.handshake();
      await turn();
      socket.refuse(errorObject({ code: i === 1 ? 'token_expired' : 'unauthenticated' }));
      await clock.advance(60_000 / 4);
    }
    expect(auths.map(({ token }) => token)).toEqual(['token 1', 'token 2', 'token 3']);
  });

  test('that cannot be had is asked for again', async () => {
    let asked = 0;
    const token = () => (++asked === 1 ? Promise.reject(new Error('offline')) : Promise.resolve('token'));
    const { client, clock, socket, auths } = await setUp({ token });
    socket.handshake();
    await turn();
    expect(statusOf(client)).toEqual(['reconnecting', 'unauthenticated']);
    expect(client.getStatus().error!.cause).toMatchObject({ message: 'offline' });
    await clock.advance(250);
    socket.handshake();
    await turn();
    expect(auths).toMatchObject([{ token: 'token' }]);
  });

  test('that comes when its attempt is over is not sent on the next one, and does not end it', async () => {
    const gives: { resolve: (token: string) => void; reject: (error: Error) => void }[] = [];
    const token = () => new Promise<string>((resolve, reject) => gives.push({ resolve, reject }));
    const { client, clock, socket, auths } = await setUp({ token });
    for (let i = 0; i < 2; i += 1) {
      socket.handshake();
      socket.drop();
      await clock.advance(1000);
    }
    socket.handshake();
    gives[0]!.resolve('late');
    gives[1]!.reject(new Error('late'));
    await turn();
    expect([auths, statusOf(client), socket.state]).toEqual([[], ['reconnecting', 'unavailable'], 'opening']);
    gives[2]!.resolve('in time');
    await turn();
    expect(auths.map(({ token }) => token)).toEqual(['in time']);
    socket.accept();
    expect(statusOf(client)).toBe('connected');
  });

  test('that never changes and is refused closes the client, until there is another one', async () => {
    const { client, clock, socket, auths, attempts } = await setUp({ token: 'old' });
    const ready = client.thread('t').subscribe().ready;
    socket.handshake();
    await turn();
    socket.refuse(errorObject({ code: 'token_expired' }));
    await expect(ready).rejects.toMatchObject({ code: 'token_expired' });
    await clock.advance(60_000);
    expect([statusOf(client), attempts.count]).toEqual([['closed', 'token_expired'], 1]);
    client.setToken('new');
    expect([statusOf(client), attempts.count]).toEqual(['connecting', 2]);
    socket.handshake();
    await turn();
    expect(auths.map(({ token }) => token)).toEqual(['old', 'new']);
  });

  test('that is replaced while the old one is being refused is given a chance', async () => {
    const { client, clock, socket, auths } = await setUp({ token: 'old' });
    socket.handshake();
    await turn();
    client.setToken('new');
    socket.refuse(errorObject({ code: 'token_expired' }));
    expect(statusOf(client)).toEqual(['reconnecting', 'token_expired']);
    await clock.advance(250);
    socket.handshake();
    await turn();
    expect(auths.map(({ token }) => token)).toEqual(['old', 'new']);
    socket.refuse(errorObject({ code: 'token_expired' }));
    expect(statusOf(client)).toEqual(['closed', 'token_expired']);
  });

  test('that is set while connected is used at once', async () => {
    const { client, socket, take } = await setUp({ token: 'old' });
    socket.accept();
    client.setToken(() => Promise.resolve('new'));
    await turn();
    expect(take('reauth').payload).toEqual({ token: 'new' });
  });
});

describe('with a new connection', () => {
  test('threads are joined first, then the list, requests and messages go out', async () => {
    const { client, clock, socket, events } = await setUp();
    const thread = client.thread('t');
    void thread.send('x');
    void client.listThreads();
    client.watchThreads();
    thread.subscribe();
    await turn();
    expect(events()).toEqual([]);
    socket.accept();
    const expected = ['subscribe_threads', 'watch_threads', 'list_threads', 'send_message'];
    expect(events()).toEqual(expected);
    socket.drop();
    await clock.advance(250);
    socket.accept();
    expect([...new Set(events().slice(expected.length))]).toEqual(expected);
  });

  test('a listener may ask for something at once: it is sent once, after the threads were joined', async () => {
    const { client, socket, events } = await setUp();
    client.thread('t').subscribe();
    client.onStatus(() => {
      if (client.getStatus().state === 'connected') void client.thread('t').delete('m1', { ifSeq: 1 });
    });
    client.thread('t').onChange(() => void client.ping());
    socket.accept();
    expect(events().filter((event) => event === 'delete_message')).toHaveLength(1);
    expect(events().indexOf('delete_message')).toBeGreaterThan(events().indexOf('subscribe_threads'));
    const pings = events().filter((event) => event === 'ping').length;
    socket.deliver('pong', { server_time: '' });
    expect(events().filter((event) => event === 'ping')).toHaveLength(pings);
  });

  test.each<[string, (client: ThreadwireClient) => unknown]>([
    ['of the connection', (client) => client.onStatus(() => client.close())],
    ['of a thread', (client) => client.thread('t').onChange(() => isConnected(client) && client.close())],
    ['of the list', (client) => client.threadList.onChange(() => isConnected(client) && client.close())],
  ])('a listener %s may close the client: nothing is left under way', async (_of, listen) => {
    const { client, clock, socket } = await setUp();
    listen(client);
    const ready = ['t', 'u'].map((id) => outcome(client.thread(id).subscribe().ready));
    client.watchThreads();
    const calls = [client.thread('t').send('x'), client.ping()].map(outcome);
    socket.accept({ ...sessionOf('ada'), expires_at: new Date(clock.now() + 600_000).toISOString() });
    for (const error of await Promise.all([...ready, ...calls])) expect(error).toMatchObject({ code: 'closed' });
    const statuses = ['t', 'u'].map((id) => client.thread(id).getSnapshot().status);
    expect([statusOf(client), statuses, client.threadList.getSnapshot().status]).toEqual([
      'closed',
      ['failed', 'failed'],
      'failed',
    ]);
    expect(clock.pending).toEqual([]);
  });

  test('nothing that socket.io-client kept from before is sent', async () => {
    const { clock, socket } = await setUp();
    socket.accept();
    // As it does where the connection turns out to have run out while the machine slept.
    socket.sendBuffer.push({ type: 2, data: ['send_message', {}] });
    socket.drop('ping timeout');
    await clock.advance(250);
    expect([socket.state, socket.sendBuffer]).toEqual(['opening', []]);
  });
});

describe('a thread', () => {
  test('is the same object each time, and has its own events', async () => {
    const { client, socket, take } = await setUp();
    socket.accept();
    const thread = client.thread('t');
    expect(client.thread('t')).toBe(thread);
    client.thread('t').subscribe();
    client.thread('u').subscribe();
    await turn();
    const threads = ['t', 'u'].map((id) => ({ ok: true, data: pageOf([], { thread: threadOf(id) }) }));
    take('subscribe_threads').ack({ ok: true, data: { threads } });
    const seen: string[] = [];
    const stop = thread.on('thread_message', ({ content }) => seen.push(content));
    socket.deliver('thread_message', messageOf(1, 1, { content: 'mine' }));
    socket.deliver('thread_message', messageOf(1, 1, { thread_id: 'u', content: 'not mine' }));
    stop();
    socket.deliver('thread_message', messageOf(2));
    expect(seen).toEqual(['mine']);
  });

  test('shows a message that was sent once: pending, or as it is stored', async () => {
    const { client, socket, take } = await setUp();
    socket.accept(sessionOf('ada'));
    const thread = client.thread('t');
    const sending = thread.send('x', { messageId: 'key' });
    thread.subscribe();
    await turn();
    const send = take('send_message');
    const stored = messageOf(1, 1, { content: 'x', message_id: 'key', sender: { id: 'ada' } });
    const shown = () => {
      const { messages, pending } = thread.getSnapshot();
      return [messages.map(({ content }) => content), pending.map(({ content }) => content)];
    };
    expect(shown()).toEqual([[], ['x']]);
    // It is on the first page before its answer has come.
    take('subscribe_threads').ack({ ok: true, data: { threads: [{ ok: true, data: pageOf([stored]) }] } });
    expect(shown()).toEqual([['x'], []]);
    send.ack({ ok: true, data: { message: stored, duplicate: false } });
    expect((await sending).id).toBe(stored.id);
    expect(shown()).toEqual([['x'], []]);
    // Somebody else's message with the same key is another one.
    void thread.send('y', { messageId: 'other key' });
    socket.deliver('thread_message', messageOf(2, 2, { content: 'z', message_id: 'other key' }));
    expect(shown()).toEqual([['x', 'z'], ['y']]);
    socket.deliver('thread_message', messageOf(3, 3, { content: 'y', message_id: 'other key', sender: { id: 'ada' } }));
    expect(shown()).toEqual([['x', 'z', 'y'], []]);
  });

  test('reads what is before the first message held, also where it holds none', async () => {
    const { client, socket, take, requests } = await setUp();
    socket.accept();
    const thread = client.thread('t');
    await thread.loadOlder();
    thread.subscribe();
    await turn();
    const first = pageOf([messageOf(8), messageOf(9)], { has_more: true });
    take('subscribe_threads').ack({ ok: true, data: { threads: [{ ok: true, data: first }] } });
    const older = async (before: number, messages: Message[], limit?: number) => {
      const loading = thread.loadOlder(limit);
      await thread.loadOlder();
      const request = take('fetch_history');
      expect(request.payload).toEqual({ thread_id: 't', before_position: before, ...(limit && { limit }) });
      request.ack({ ok: true, data: pageOf(messages, { has_more: true }) });
      await loading;
    };
    await older(8, [messageOf(6), messageOf(7)], 2);
    await older(6, [messageOf(5)]);
    thread.keepNewest(0);
    await older(10, [messageOf(9)]);
    expect(thread.getSnapshot().messages.map(({ position }) => position)).toEqual([9]);
    // One that fails can be asked for again.
    const failing = outcome(thread.loadOlder());
    take('fetch_history').ack({ ok: false, error: errorObject({ code: 'forbidden' }) });
    expect(await failing).toMatchObject({ code: 'forbidden' });
    expect(thread.getSnapshot()).toMatchObject({ isLoadingOlder: false, hasOlder: true });
    await older(9, [messageOf(8)]);
    expect(requests).toEqual([]);
  });

  test('has the changes of its title and members as the list has them', async () => {
    const { client, socket, take } = await setUp();
    socket.accept();
    client.thread('t').subscribe();
    await turn();
    take('subscribe_threads').ack({ ok: true, data: { threads: [{ ok: true, data: pageOf([]) }] } });
    socket.deliver('threads_updated', { threads: [threadOf('t', { title: 'new' }), threadOf('u')], removed: [] });
    expect(client.thread('t').getSnapshot().thread?.title).toBe('new');
    expect(client.thread('u').getSnapshot().thread).toBeUndefined();
  });

  test('from which the user was removed fails; other errors are for who handles them', async () => {
    const { client, socket, take } = await setUp();
    socket.accept();
    const codes: string[] = [];
    client.on('error', ({ code }) => codes.push(code));
    client.thread('t').subscribe();
    await turn();
    take('subscribe_threads').ack({ ok: true, data: { threads: [{ ok: true, data: pageOf([messageOf(1)]) }] } });
    socket.deliver('error', errorObject({ code: 'internal', thread_id: 't' }));
    expect(client.thread('t').getSnapshot().status).toBe('live');
    socket.deliver('error', errorObject({ code: 'forbidden', thread_id: 't' }));
    expect(client.thread('t').getSnapshot()).toMatchObject({
      status: 'failed',
      messages: [],
      error: { code: 'forbidden', threadId: 't' },
    });
    expect(codes).toEqual(['internal', 'forbidden']);
  });
});

describe('streams', () => {
  const chunk = (offset: number, delta: string) => ({ thread_id: 't', stream_id: 'm1', offset, delta });
  const reply = messageOf(1, 1, { role: 'assistant', status: 'streaming', content: '' });

  test('that others write grow in the snapshot, for handlers, and for loops over them', async () => {
    const { client, socket, take } = await setUp();
    const thread = client.thread('t');
    thread.subscribe();
    socket.accept();
    const page = { ok: true, data: pageOf([]) };
    take('subscribe_threads').ack({ ok: true, data: { threads: [page] } });
    const seen: unknown[] = [];
    thread.on('stream_start', ({ id }) => seen.push(id));
    thread.on('stream_chunk', ({ offset, delta }) => seen.push([offset, delta, thread.message('m1').content]));
    client.thread('u').on('stream_chunk', () => seen.push('of another thread'));
    thread.on('stream_end', ({ length }) => seen.push(length));
    socket.deliver('stream_start', reply);
    const pieces: string[] = [];
    const loop = (async () => {
      for await (const piece of thread.message('m1').stream()) pieces.push(piece);
    })();
    socket.deliver('stream_chunk', chunk(0, 'One'));
    socket.deliver('stream_chunk', chunk(0, 'One two'));
    const end = { thread_id: 't', stream_id: 'm1', seq: 2, status: 'complete', length: 7, updated_at: '' } as const;
    socket.deliver('stream_end', end);
    await loop;
    expect(seen).toEqual(['m1', [0, 'One', 'One'], [3, ' two', 'One two'], 7]);
    expect(pieces.join('')).toBe('One two');
    expect(thread.getSnapshot().messages).toMatchObject([{ id: 'm1', seq: 2, status: 'complete', content: 'One two' }]);
  });

  test('of which access is lost, or whose client is closed, end their loops with that', async () => {
    const forbidden = errorObject({ code: 'forbidden', thread_id: 't' });
    const ways: [string, (client: ThreadwireClient, socket: FakeSocket) => void][] = [
      ['forbidden', (_client, socket) => socket.deliver('error', forbidden)],
      ['closed', (client) => client.close()],
    ];
    for (const [code, happens] of ways) {
      const { client, socket, take } = await setUp();
      client.thread('t').subscribe();
      socket.accept();
      const page = { ok: true, data: pageOf([], { streaming: [reply], head_seq: 1 }) };
      take('subscribe_threads').ack({ ok: true, data: { threads: [page] } });
      const iterator = client.thread('t').message('m1').stream()[Symbol.asyncIterator]();
      const next = outcome(iterator.next());
      happens(client, socket);
      expect(await next).toMatchObject({ code });
    }
  });

  test('of its own are shown with the answer, and stop where somebody cancels them', async () => {
    const { client, socket, take } = await setUp();
    const thread = client.thread('t');
    thread.subscribe();
    socket.accept();
    const page = { ok: true, data: pageOf([]) };
    take('subscribe_threads').ack({ ok: true, data: { threads: [page] } });
    const opening = thread.startStream({ messageId: 'key-1' });
    const request = take('stream_start');
    expect(request.payload).toEqual({ thread_id: 't', message_id: 'key-1' });
    request.ack({ ok: true, data: { message: reply, offset: 0, resumed: false } });
    const writer = await opening;
    expect(thread.getSnapshot().messages).toEqual([reply]);
    const reasons: unknown[] = [];
    thread.on('stream_cancel', ({ reason }) => reasons.push(reason));
    socket.deliver('stream_cancel', { thread_id: 't', stream_id: 'm1', reason: 'enough' });
    expect([reasons, writer.signal.aborted]).toEqual([['enough'], true]);
  });

  test('are told that readers heard of their end', async () => {
    const { client, socket, take } = await setUp();
    const thread = client.thread('t');
    socket.accept();
    const opening = thread.startStream();
    take('stream_start').ack({ ok: true, data: { message: reply, offset: 0, resumed: false } });
    const { signal } = await opening;
    const end = { thread_id: 't', stream_id: 'm1', seq: 2, length: 0, metadata: {}, updated_at: reply.updated_at };
    socket.deliver('stream_end', { ...end, status: 'interrupted', reason: 'silent too long' });
    expect(signal.reason).toMatchObject({
      code: 'stream_closed',
      message: 'The stream was interrupted: silent too long',
    });
  });

  test('go on after a break, behind the threads and before the messages; a listener may end them before they know of it', async () => {
    const { client, clock, socket, events, take } = await setUp();
    const thread = client.thread('t');
    socket.accept();
    const opening = thread.startStream();
    take('stream_start').ack({ ok: true, data: { message: reply, offset: 0, resumed: false } });
    const writer = await opening;
    thread.subscribe();
    void thread.send('x');
    await turn();
    const before = events().length;
    let ending: Promise<unknown> | undefined;
    thread.onChange(() => void (ending ??= outcome(writer.end())));
    socket.drop();
    await clock.advance(250);
    socket.accept();
    expect(events().slice(before)).toEqual(['subscribe_threads', 'fetch_history', 'send_message']);
    client.close();
    expect(await ending).toMatchObject({ code: 'closed' });
    expect(clock.pending).toEqual([]);
  });
});
