import { describe, expect, test } from '@jest/globals';
import { io } from 'socket.io-client';
import type { Socket } from 'socket.io-client';
import type { ServerStats, SocketLine } from '../../server/src/admin/inspector/inspector-protocol.ts';
import { StoreUnavailable } from '../../server/src/store/thread-store.ts';
import { startApp, storeWith } from '../support/app.ts';
import type { App } from '../support/app.ts';
import { connectClient } from '../support/client.ts';
import type { TestClient } from '../support/client.ts';
import { eventually, within } from '../support/eventually.ts';
import { connectNamespace, logIn, operator, postForm } from '../support/operator.ts';
import { startServer } from '../support/process.ts';
import { upTo } from '../support/store-ops.ts';
import { jwtSecret, tokenFor } from '../support/tokens.ts';

/** A page of the official UI, by its protocol: what it was told, in order. */
class InspectorPage implements Disposable {
  readonly socket: Socket;
  readonly told: (readonly [event: string, ...args: unknown[]])[] = [];

  constructor(url: string, cookie: string, auth: Record<string, unknown> = { sessionId: null }) {
    this.socket = io(`${url}/admin`, {
      path: '/api/ws',
      transports: ['websocket'],
      extraHeaders: { Cookie: cookie },
      reconnection: false,
      forceNew: true,
      auth,
    });
    this.socket.onAny((event: string, ...args: unknown[]) => this.told.push([event, ...args]));
  }

  of(event: string): unknown[][] {
    return this.told.filter(([name]) => name === event).map(([, ...args]) => args);
  }

  /** Waits until it was told this. */
  async hears(event: string, isIt: (...args: never[]) => boolean = () => true): Promise<unknown[]> {
    let found: unknown[] | undefined;
    await eventually(`${event} comes; came: ${JSON.stringify(this.told)}`, () => {
      found = this.of(event).find((args) => isIt(...(args as never[])));
      return found !== undefined;
    });
    return found!;
  }

  /** Resolves when everything sent before was handled. */
  async settled(): Promise<void> {
    await this.socket.timeout(5000).emitWithAck('console', 'errors', {});
  }

  [Symbol.dispose](): void {
    this.socket.disconnect();
  }
}

async function openPage(app: App, auth?: Record<string, unknown>): Promise<InspectorPage> {
  const page = new InspectorPage(app.url, await logIn(app), auth);
  await within('the page connects', new Promise<void>((resolve) => page.socket.once('connect', resolve)));
  return page;
}

/** Two users, in one thread each and one for both. */
async function company(app: App): Promise<{ readonly ada: TestClient; readonly bob: TestClient } & AsyncDisposable> {
  const ada = await connectClient(app.url, { auth: { user: 'ada', client: { name: 'probe', version: '1.2' } } });
  const bob = await connectClient(app.url, { user: 'bob' });
  for (const id of ['both', 'hers', 'his']) await ada.call('create_thread', { id });
  for (const id of ['both', 'hers']) await ada.call('subscribe_thread', { thread_id: id });
  for (const id of ['both', 'his']) await bob.call('subscribe_thread', { thread_id: id });
  return {
    ada,
    bob,
    [Symbol.asyncDispose]: async () => {
      await ada[Symbol.asyncDispose]();
      await bob[Symbol.asyncDispose]();
    },
  };
}

async function notes(app: App, count: number): Promise<readonly (readonly string[])[]> {
  const entries = async () => (await app.store.audit(100)).filter(({ action }) => action !== 'login');
  await eventually(`${count} actions are noted`, async () => (await entries()).length >= count);
  return (await entries())
    .reverse()
    .map(({ operator: who, address, action, target, outcome, detail }) => [
      who,
      address,
      action,
      target,
      outcome,
      detail,
    ]);
}

describe('a page of the official UI', () => {
  test('is told what there is, in the order that it needs', async () => {
    await using app = await startApp({ operator });
    await using users = await company(app);
    using page = await openPage(app);
    const [sockets] = (await page.hears('all_sockets')) as [SocketLine[]];
    expect(page.told.map(([event]) => event)).toEqual(['config', 'server_stats', 'socket_updated', 'all_sockets']);
    expect(page.told[0]).toEqual([
      'config',
      {
        supportedFeatures: ['AGGREGATED_EVENTS', 'ALL_EVENTS', 'DISCONNECT', 'LEAVE', 'MLEAVE', 'MDISCONNECT'],
      },
    ]);
    expect(page.told[1]![1]).toMatchObject({
      pid: process.pid,
      serverId: users.ada.session.server_id,
      clientsCount: 3,
      pollingClientsCount: 0,
      aggregatedEvents: [],
      namespaces: [
        { name: '/', socketsCount: 2 },
        { name: '/admin', socketsCount: 1 },
      ],
    });
    expect(page.told[2]).toEqual(['socket_updated', { nsp: '/', id: '' }]);
    const [ada, bob] = sockets;
    expect(ada).toEqual({
      id: users.ada.socket.id,
      clientId: users.ada.session.client_id,
      transport: 'websocket',
      nsp: '/',
      data: { user: 'ada', name: null, client: 'probe 1.2', more_threads: 0 },
      handshake: { address: '127.0.0.1 (ada)', headers: {}, query: {}, issued: expect.any(Number) },
      rooms: ['thread:both', 'thread:hers'],
    });
    expect([bob!.data.user, bob!.rooms]).toEqual(['bob', ['thread:both', 'thread:his']]);
  });

  test('is told what changes', async () => {
    await using app = await startApp({ operator });
    using page = await openPage(app);
    expect((await page.hears('all_sockets'))[0]).toEqual([]);
    using other = await openPage(app);
    await other.hears('all_sockets');
    const ada = await connectClient(app.url, { user: 'ada' });
    const { id } = ada.socket;
    await ada.call('create_thread', { id: 't' });
    await ada.call('subscribe_thread', { thread_id: 't' });
    await page.hears('socket_connected', (socket: SocketLine) => socket.id === id);
    await eventually('she is shown in the thread', () => JSON.stringify(page.told).includes('"thread:t"'));
    await ada.call('unsubscribe_thread', { thread_id: 't' });
    await page.hears('room_left', (nsp, room, who) => nsp === '/' && room === 'thread:t' && who === id);
    await ada.call('subscribe_thread', { thread_id: 't' });
    await page.hears('room_joined', (nsp, room, who) => nsp === '/' && room === 'thread:t' && who === id);
    const before = page.of('room_left').length;
    await ada[Symbol.asyncDispose]();
    await page.hears('socket_disconnected', (nsp, who) => nsp === '/' && who === id);
    expect(page.of('room_left')).toHaveLength(before + 1);
    expect(page.told.at(-1)![0]).not.toBe('room_left');
    // Another operator is told the same.
    await other.hears('socket_disconnected');
    const changes = (told: InspectorPage['told']) => told.filter(([event]) => /^(?:room_|socket_[cd])/.test(event));
    expect(changes(other.told)).toEqual(changes(page.told));
  });

  test('is told of the traffic, which adds up', async () => {
    await using app = await startApp({ operator });
    using page = await openPage(app);
    await using ada = await connectClient(app.url, { user: 'ada' });
    await ada.call('create_thread', { id: 't' });
    await page.hears('server_stats', ({ clientsCount }: ServerStats) => clientsCount === 2);
    const counts = page.of('server_stats').flatMap(([stats]) => (stats as ServerStats).aggregatedEvents);
    const total = (wanted: string) =>
      counts.filter(({ type }) => type === wanted).reduce((sum, { count }) => sum + count, 0);
    expect(total('rawConnection')).toBe(1);
    expect(total('bytesIn')).toBeGreaterThan('420["create_thread",{"id":"t"}]'.length);
    expect(total('bytesOut')).toBeGreaterThan(total('bytesIn'));
    expect(counts.every(({ timestamp, count }) => timestamp % 1000 === 0 && count > 0)).toBe(true);
  });

  test('is told nothing that is not its business: no header, cookie, token, query or body', async () => {
    const planted = 'planted-secret';
    await using app = await startApp({ operator, auth: { mode: 'jwt', key: { secret: jwtSecret } } });
    const token = await tokenFor('ada', { scope: 'agent', claims: { planted } });
    using page = await openPage(app, { sessionId: null, username: planted, password: planted });
    const frames: string[] = [];
    page.socket.io.engine.on('packet', ({ data }: { data?: unknown }) => {
      if (typeof data === 'string') frames.push(data);
    });
    await using ada = await connectClient(app.url, {
      token,
      headers: { Cookie: `theme=${planted}`, Authorization: `Bearer ${planted}`, 'X-Threadwire-User': planted },
      socketOptions: { query: { access_token: planted } },
    });
    await ada.call('create_thread', { id: 't', title: planted, metadata: { planted } });
    await ada.call('subscribe_thread', { thread_id: 't' });
    await ada.call('send_message', { thread_id: 't', content: planted });
    const { message } = await ada.call('stream_start', { thread_id: 't' });
    await ada.call('stream_chunk', { stream_id: message.id, offset: 0, delta: planted });
    await ada.request('fetch_history', { thread_id: planted });
    await eventually('she is shown in the thread', () => JSON.stringify(page.told).includes('"thread:t"'));
    await page.hears('server_stats', ({ aggregatedEvents }: ServerStats) => aggregatedEvents.length > 0);
    using second = await openPage(app);
    await second.hears('all_sockets');
    expect(frames.join()).toContain('thread:t');
    const [signature] = token.split('.').slice(-1);
    for (const said of [frames.join(), JSON.stringify(second.told)]) {
      expect(said).not.toContain(planted);
      expect(said).not.toContain(signature);
    }
  });

  test('is told no event of clients, and a page of the console none of its own', async () => {
    await using app = await startApp({ operator });
    using page = await openPage(app);
    using consolePage = await openPage(app, { page: 'console' });
    await using users = await company(app);
    await users.ada.call('send_message', { thread_id: 'both', content: 'hello' });
    await page.hears('socket_connected', ({ data }: SocketLine) => data.user === 'bob');
    expect(page.told.map(([event]) => event)).not.toContain('event_received');
    expect(page.told.map(([event]) => event)).not.toContain('event_sent');
    await consolePage.settled();
    expect(consolePage.told).toEqual([]);
  });

  test('of 300 connections at once gets one list, not 300 changes, and then changes again', async () => {
    await using app = await startApp({ operator });
    using page = await openPage(app);
    await page.hears('all_sockets');
    const clients = await Promise.all(upTo(300).map((n) => connectClient(app.url, { user: `user-${n}` })));
    await eventually(
      'all are listed',
      () => (page.of('all_sockets').at(-1)![0] as SocketLine[]).length === 300,
      15_000,
    );
    expect(page.of('socket_connected').length).toBeLessThanOrEqual(100);
    await clients[7]!.call('create_thread', { id: 't' });
    await clients[7]!.call('subscribe_thread', { thread_id: 't' });
    await page.hears('room_joined', (_nsp, room) => room === 'thread:t');
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
  }, 40_000);

  test('that comes back at once gets what is there now', async () => {
    await using app = await startApp({ operator });
    const page = await openPage(app);
    await page.hears('server_stats', ({ aggregatedEvents }: ServerStats) => aggregatedEvents.length > 0);
    page[Symbol.dispose]();
    await using ada = await connectClient(app.url, { user: 'ada' });
    using next = await openPage(app);
    const [sockets] = (await next.hears('all_sockets')) as [SocketLine[]];
    expect(sockets.map(({ id }) => id)).toEqual([ada.socket.id]);
  });
});

describe('what operators do by the official UI', () => {
  test.each([
    ['a row of Sockets', false],
    ['a row of Clients', true],
  ])('%s: a connection is ended, and told why', async (_where, close) => {
    await using app = await startApp({ operator });
    await using users = await company(app);
    using page = await openPage(app);
    const id = users.ada.socket.id!;
    page.socket.emit('_disconnect', '/', close, id);
    expect(await users.ada.next('error')).toMatchObject({ code: 'forbidden', fatal: true });
    expect(await users.ada.disconnected()).toBe('io server disconnect');
    await page.hears('socket_disconnected', (_nsp, who) => who === id);
    const { client_id: clientId } = users.ada.session;
    expect(await notes(app, 1)).toEqual([['admin', '127.0.0.1', 'disconnect', id, 'ok', `${clientId} of ada`]]);
    expect(await users.bob.call('ping', {})).toHaveProperty('server_time');
  });

  test('a thread is emptied: its members are told, get no more of it, and may come back', async () => {
    await using app = await startApp({ operator });
    await using users = await company(app);
    using page = await openPage(app);
    page.socket.emit('leave', '/', 'thread:both');
    for (const client of [users.ada, users.bob]) {
      const { code, thread_id, fatal } = await client.next('error');
      expect({ code, thread_id, fatal }).toEqual({ code: 'forbidden', thread_id: 'both', fatal: undefined });
    }
    await users.ada.call('send_message', { thread_id: 'both', content: 'anybody?' });
    await users.ada.call('send_message', { thread_id: 'hers', content: 'a marker' });
    const events = await users.ada.drainUntil('thread_message', ({ thread_id }) => thread_id === 'hers');
    expect(events).toEqual([]);
    await page.hears('room_left', (_nsp, room, id) => room === 'thread:both' && id === users.bob.socket.id);
    const { messages } = await users.bob.call('subscribe_thread', { thread_id: 'both' });
    expect(messages.map(({ content }) => content)).toEqual(['anybody?']);
    expect(await notes(app, 1)).toEqual([['admin', '127.0.0.1', 'empty_thread', 'both', 'ok', '2 connections']]);
  });

  test('one is taken out of a thread, and the others stay', async () => {
    await using app = await startApp({ operator });
    await using users = await company(app);
    using page = await openPage(app);
    page.socket.emit('leave', '/', 'thread:both', users.bob.socket.id);
    expect(await users.bob.next('error')).toMatchObject({ code: 'forbidden', thread_id: 'both' });
    await users.bob.call('send_message', { thread_id: 'both', content: 'still here?' });
    expect((await users.ada.next('thread_message')).content).toBe('still here?');
    await users.bob.call('send_message', { thread_id: 'his', content: 'a marker' });
    const events = await users.bob.drainUntil('thread_message', ({ thread_id }) => thread_id === 'his');
    expect(events).toEqual([]);
    expect(await notes(app, 1)).toMatchObject([
      ['admin', '127.0.0.1', 'remove_from_thread', 'both', 'ok', expect.stringContaining('of bob')],
    ]);
  });

  test('all in a thread are disconnected, and nobody else', async () => {
    await using app = await startApp({ operator });
    await using users = await company(app);
    using page = await openPage(app);
    page.socket.emit('_disconnect', '/', false, 'thread:hers');
    expect(await users.ada.disconnected()).toBe('io server disconnect');
    expect(await users.bob.call('ping', {})).toHaveProperty('server_time');
    expect(await notes(app, 1)).toEqual([['admin', '127.0.0.1', 'disconnect_thread', 'hers', 'ok', '1 connections']]);
  });

  test('is refused, and noted, where it is none of its buttons, or there is nothing to do it to', async () => {
    await using app = await startApp({ operator });
    await using users = await company(app);
    using page = await openPage(app);
    const ada = users.ada.socket.id!;
    const cases: readonly [event: string, args: readonly unknown[], action: string, target: string, code: string][] = [
      ['join', ['/', 'thread:his', ada], 'join', `thread:his ${ada}`, 'forbidden'],
      ['emit', ['/', null, 'thread_message', { content: 'forged' }], 'emit', 'thread_message', 'forbidden'],
      ['_disconnect', ['/', true], 'disconnect', '', 'invalid_payload'],
      ['_disconnect', ['/admin', true], 'disconnect', '', 'invalid_payload'],
      ['_disconnect', ['/admin', true, page.socket.id], 'disconnect', page.socket.id!, 'invalid_payload'],
      ['_disconnect', ['/', true, page.socket.id], 'disconnect', page.socket.id!, 'invalid_payload'],
      ['_disconnect', ['/', true, 'nobody'], 'disconnect', 'nobody', 'invalid_payload'],
      ['_disconnect', ['/', true, 'thread:none'], 'disconnect_thread', 'none', 'thread_not_found'],
      ['leave', ['/', 'thread:none'], 'empty_thread', 'none', 'thread_not_found'],
      ['leave', ['/', ada], 'leave', ada, 'invalid_payload'],
      ['leave', ['/', 'thread:both', 'nobody'], 'remove_from_thread', 'both', 'invalid_payload'],
      ['leave', ['/', 'thread:his', ada], 'remove_from_thread', 'his', 'invalid_payload'],
      ['leave', ['/new', 'thread:both'], 'leave', 'thread:both', 'invalid_payload'],
      ['leave', ['/', 'thread:both', ada, 'more'], 'leave', `thread:both ${ada}`, 'invalid_payload'],
      ['leave', ['/', 'thread:a b'], 'leave', 'thread:a b', 'invalid_payload'],
    ];
    for (const [i, [event, args]] of cases.entries()) {
      page.socket.emit(event, ...args);
      await notes(app, i + 1);
    }
    expect(await notes(app, cases.length)).toEqual(
      cases.map(([, , action, target, code]) => ['admin', '127.0.0.1', action, target, 'refused', code]),
    );
    for (const client of [users.ada, users.bob]) {
      await client.call('ping', {});
      expect(client.buffered).toEqual([]);
    }
    expect(page.socket.connected).toBe(true);
  });

  test('what asks for a rule is refused while the store is away; ending a connection is not', async () => {
    let isAway = false;
    await using app = await startApp({
      operator,
      wrapStore: (store) =>
        storeWith(store, {
          threads: async (ids) => {
            if (isAway) throw new StoreUnavailable('away');
            return await store.threads(ids);
          },
        }),
    });
    await using users = await company(app);
    using page = await openPage(app);
    isAway = true;
    page.socket.emit('leave', '/', 'thread:both');
    page.socket.emit('_disconnect', '/', false, users.bob.socket.id);
    expect(await users.bob.disconnected()).toBe('io server disconnect');
    const noted = (await notes(app, 2)).map(([, , action, , outcome, detail]) => `${action} ${outcome} ${detail}`);
    expect(noted).toContain('empty_thread refused unavailable');
    expect(noted).toContainEqual(expect.stringMatching(/^disconnect ok .* of bob$/));
    await users.ada.call('ping', {});
    expect(users.ada.buffered).toEqual([]);
  });

  test('of a flood the first are noted, and the rest is dropped', async () => {
    await using app = await startApp({ operator });
    await using ada = await connectClient(app.url, { user: 'ada' });
    using page = await openPage(app);
    for (let i = 0; i < 300; i++) page.socket.emit('join', '/', 'thread:t', ada.socket.id);
    await page.settled();
    const noted = await notes(app, 50);
    expect(noted.length).toBeLessThan(80);
    await ada.call('ping', {});
  });

  test('who has logged out does nothing any more, not even what was under way', async () => {
    let proceed: (() => void) | undefined;
    await using app = await startApp({
      operator,
      wrapStore: (store) =>
        storeWith(store, {
          threads: async (ids) => {
            if (ids.includes('both')) await new Promise<void>((resolve) => (proceed = resolve));
            return await store.threads(ids);
          },
        }),
    });
    await using users = await company(app);
    const cookie = await logIn(app);
    using page = new InspectorPage(app.url, cookie);
    await page.hears('all_sockets');
    page.socket.emit('leave', '/', 'thread:both');
    await eventually('the rule is asked for', () => proceed !== undefined);
    await postForm(app, '/admin/logout', {}, { Cookie: cookie });
    await eventually('the page is closed', () => !page.socket.connected);
    proceed!();
    const noted = (await notes(app, 2)).map(([, , action, , outcome, detail]) => [action, outcome, detail]);
    expect(noted).toContainEqual(['empty_thread', 'refused', 'unauthenticated']);
    await users.ada.call('ping', {});
    expect(users.ada.buffered).toEqual([]);
  });
});

describe('what would stop a server that has the original behind it', () => {
  const deep = `${'['.repeat(9000)}${']'.repeat(9000)}`;
  const packets: readonly (readonly [what: string, packet: string])[] = [
    ['an event of a reserved name for everybody', '2/admin,["emit","/",null,"connect"]'],
    ['another', '2/admin,["emit","/",null,"disconnect"]'],
    ['a deep array', `2/admin,["emit","/",null,"x",${deep}]`],
    ['a deep array for a room', `2/admin,["leave","/",${deep}]`],
    ['a deep array for a socket', `2/admin,["_disconnect","/",true,${deep}]`],
    ['a namespace that is not there', '2/admin,["leave","/never-seen","thread:t"]'],
    ['no namespace', '2/admin,["join",null,"r"]'],
    ['a number for a namespace', '2/admin,["emit",1]'],
    ['everybody at once', '2/admin,["_disconnect","/",true]'],
    ['all operators', '2/admin,["_disconnect","/admin",true]'],
    ['no arguments', '2/admin,["leave"]'],
    ['objects for everything', '2/admin,["_disconnect",{},{},{}]'],
    ['an ack for what has none', '2/admin,1["leave","/","thread:none"]'],
    ['an event of the server', '2/admin,["all_sockets",[]]'],
    ['a number for an event', '2/admin,[1]'],
    ['an ack of nothing', '3/admin,7[]'],
    ['bytes that do not come', '51-/admin,["leave","/",{"_placeholder":true,"num":0}]'],
    ['an event that closes', '2/admin,["disconnect"]'],
  ];

  test('stops nothing here, and ends nobody else', async () => {
    await using server = await startServer({ env: { ADMIN_PASSWORD: operator.secret.password } });
    const cookie = await logIn(server);
    await using ada = await connectClient(server.url, { user: 'ada' });
    await ada.call('create_thread', { id: 't' });
    await ada.call('subscribe_thread', { thread_id: 't' });
    using watching = new InspectorPage(server.url, cookie);
    for (const [what, packet] of packets) {
      using page = new InspectorPage(server.url, cookie);
      await page.hears('all_sockets');
      page.socket.io.engine.write(packet);
      // Whatever became of that page, another is served, and so is everybody.
      using other = new InspectorPage(server.url, cookie);
      const [sockets] = (await other.hears('all_sockets')) as [SocketLine[]];
      expect([what, sockets.map(({ data }) => data.user)]).toEqual([what, ['ada']]);
      await ada.call('send_message', { thread_id: 't', content: what });
      expect((await ada.next('thread_message')).content).toBe(what);
      expect(ada.buffered).toEqual([]);
    }
    expect([watching.socket.connected, ada.socket.connected]).toEqual([true, true]);
    const refused = await connectNamespace(server, '/never-seen', { Cookie: cookie });
    expect(refused.outcome).toBe('Invalid namespace');
    expect(await server.kill('SIGTERM')).toEqual({ code: 0, signal: null });
  }, 60_000);

  test.each([
    { username: 'admin' },
    { username: 'admin', password: 1 },
    { username: 'admin', password: null },
    { sessionId: {} },
  ])('CONNECT with %j and no session is refused', async (auth) => {
    await using app = await startApp({ operator });
    const page = new InspectorPage(app.url, '', auth);
    const error = await new Promise<Error & { data?: unknown }>((resolve) =>
      page.socket.once('connect_error', resolve),
    );
    expect(error.data).toMatchObject({ code: 'unauthenticated' });
    expect(page.told).toEqual([]);
  });
});

describe('the files of the official UI', () => {
  test.each([
    '/admin/sockets/',
    '/admin/sockets/boot.js',
    '/admin/sockets/fonts/roboto.css',
    '/admin/sockets/index.html',
    '/admin/sockets',
  ])('%s leads to the login without a session', async (path) => {
    await using app = await startApp({ operator, adminDir: 'admin/dist' });
    const response = await fetch(`${app.url}${path}`, { redirect: 'manual' });
    expect([response.status, response.headers.get('Location')]).toEqual([303, '/admin/']);
  });

  test('are served to who is logged in, under a policy that lets nothing in from elsewhere', async () => {
    await using app = await startApp({ operator, adminDir: 'admin/dist' });
    const headers = { Cookie: await logIn(app) };
    const get = (path: string) => fetch(`${app.url}${path}`, { headers, redirect: 'manual' });
    const bare = await get('/admin/sockets');
    expect([bare.status, new URL(bare.headers.get('Location')!, app.url).pathname]).toEqual([301, '/admin/sockets/']);
    const page = await get('/admin/sockets/');
    const html = await page.text();
    expect([page.status, /<title>(.*?)<\/title>/.exec(html)?.[1]]).toEqual([200, 'Socket.IO Admin UI']);
    expect(html).not.toMatch(/(?:src|href)="?(?:https?:)?\/\//);
    // Without a referrer a browser would call the page's own form one of nobody's.
    expect(page.headers.get('Referrer-Policy')).toBe('same-origin');
    const policy = page.headers.get('Content-Security-Policy')!.split('; ');
    expect(policy).toEqual([
      "default-src 'none'",
      "script-src 'self'",
      expect.stringMatching(/^style-src 'self'(?: 'sha256-[\w+/]{43}='){3}$/),
      "img-src 'self' data:",
      "font-src 'self'",
      "connect-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ]);
    const links = [...html.matchAll(/(?:src|href)="?([^" >]+)/g)].map(([, link]) => link!);
    expect(links).toEqual(expect.arrayContaining(['boot.js', 'threadwire.css', 'fonts/roboto.css', 'fonts/icons.css']));
    for (const link of links) expect([link, (await get(`/admin/sockets/${link}`)).status]).toEqual([link, 200]);
  });
});

describe('a server that stops', () => {
  test('ends in time while an operator watches', async () => {
    await using server = await startServer({
      env: { ADMIN_PASSWORD: operator.secret.password, DRAIN_TIMEOUT_MS: '3000' },
      args: ['--admin', 'admin/dist'],
    });
    using page = new InspectorPage(server.url, await logIn(server));
    await page.hears('all_sockets');
    const closed = new Promise<string>((resolve) => page.socket.once('disconnect', resolve));
    const startedAt = performance.now();
    expect(await server.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(performance.now() - startedAt).toBeLessThan(3000);
    expect(await closed).toBe('transport close');
  }, 30_000);
});
