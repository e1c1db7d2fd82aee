import { once } from 'node:events';
import { Agent, request } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { errorObjectSchema } from '@threadwire/protocol';
import type { ErrorObject } from '@threadwire/protocol';
import { StoreUnavailable } from '../../server/src/store/thread-store.ts';
import { startApp, storeWith } from '../support/app.ts';
import type { App, AppOptions } from '../support/app.ts';
import { ConnectRefused, TestClient, connectClient } from '../support/client.ts';
import type { ClientOptions } from '../support/client.ts';
import { eventually, within } from '../support/eventually.ts';
import { httpRequest } from '../support/http-request.ts';
import type { Reply } from '../support/http-request.ts';
import { startServer } from '../support/process.ts';
import { jwtSecret, tokenFor } from '../support/tokens.ts';
import { WireClient, connectWire } from '../support/wire-client.ts';

const handshake = '/api/ws/?EIO=4&transport=websocket';
const webSocketHeaders = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': Buffer.from('sixteen bytes it').toString('base64'),
};

interface Upgrade {
  /** 101 where it was let in. */
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Asks for an upgrade, and gives up what comes of it. */
function upgrade(url: string, headers: Record<string, string> = {}): Promise<Upgrade> {
  return new Promise((resolve, reject) => {
    const sent = request(url, {
      headers: { ...webSocketHeaders, ...headers },
      agent: new Agent(),
      signal: AbortSignal.timeout(5000),
    });
    sent.once('error', reject);
    sent.once('upgrade', (response, socket) => {
      socket.destroy();
      resolve({ status: 101, headers: response.headers, body: '' });
    });
    sent.once('response', (response) => {
      void text(response).then(
        (body) => resolve({ status: response.statusCode!, headers: response.headers, body }),
        reject,
      );
    });
    sent.end();
  });
}

/** A handshake that was refused by a status: an error object, and for what passes when to try again. */
function expectRefused({ status, headers, body }: Upgrade, expected: number, code: string): void {
  expect(status).toBe(expected);
  const { error } = JSON.parse(body) as { error: ErrorObject };
  expect(errorObjectSchema.strict().parse(error)).toMatchObject({ code });
  if (error.retry === 'later') expect(Number(headers['retry-after'])).toBeGreaterThan(0);
  if (code === 'invalid_payload') expect(error.details?.issues).toHaveLength(1);
}

/** A stock client that keeps trying, and the statuses that it met. */
class Knocker implements AsyncDisposable {
  readonly client: TestClient;
  readonly statuses: (number | undefined)[] = [];

  constructor(url: string, options: ClientOptions = {}) {
    const patience = { reconnection: true, reconnectionDelay: 20, reconnectionDelayMax: 50 };
    const socketOptions = { ...options.socketOptions, ...patience };
    this.client = new TestClient(url, { user: 'knocker', ...options, socketOptions });
    this.client.socket.on('connect_error', (error) => this.statuses.push(new ConnectRefused(error).status));
  }

  meets(status: number): Promise<void> {
    return eventually(`a stock client has met ${status} twice`, () => this.count(status) >= 2);
  }

  getsIn(): Promise<unknown> {
    return this.client.next('session', undefined, 10_000);
  }

  count(status: number): number {
    return this.statuses.filter((each) => each === status).length;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.client[Symbol.asyncDispose]();
  }
}

/** Connections that wait from here on, for the test at the end: what it waits for takes ten seconds. */
let patient: { app: App; silent: WireClient; refused: WireClient; lastToConnect: WireClient };
beforeAll(async () => {
  const app = await startApp({ auth: { mode: 'jwt', key: { secret: jwtSecret } } });
  const open = () => connectWire(app.url, { connectNamespace: false });
  patient = { app, silent: await open(), refused: await open(), lastToConnect: await open() };
  patient.refused.send('40{"token":"none"}');
  await patient.refused.nextText('44');
  patient.lastToConnect.send(`40${JSON.stringify({ token: await tokenFor('ada') })}`);
  await patient.lastToConnect.event('session');
});
afterAll(async () => {
  const { app, silent, refused, lastToConnect } = patient;
  await Promise.all([silent, refused, lastToConnect].map((client) => client[Symbol.asyncDispose]()));
  await app[Symbol.asyncDispose]();
});

describe('where and how to connect', () => {
  let app: App;
  beforeAll(async () => {
    app = await startApp();
  });
  afterAll(async () => app[Symbol.asyncDispose]());

  test.each(['/api/ws/', '/api/ws'])('a WebSocket at %s opens', async (path) => {
    expect((await upgrade(`${app.url}${path}?EIO=4&transport=websocket`)).status).toBe(101);
  });

  test.each(['/', '/socket.io/', '/api/', '/api/ws/more', '/api/wsx/', '/API/WS/', '/api/threads', '//api/ws/'])(
    'at %s there is none: 404',
    async (path) => {
      expectRefused(await upgrade(`${app.url}${path}?EIO=4&transport=websocket`), 404, 'unknown_event');
    },
  );

  test('the stock path is not served', async () => {
    const refused = connectClient(app.url, { socketOptions: { path: '/socket.io' } });
    await expect(refused).rejects.toMatchObject({ status: 404 });
    expect((await httpRequest(`${app.url}/socket.io/socket.io.js`)).status).toBe(404);
    expect((await httpRequest(`${app.url}/api/ws/socket.io.js`)).status).toBe(404);
  });

  test('there is one namespace; asking for another harms not even oneself', async () => {
    await using client = await connectWire(app.url, { connectNamespace: false });
    client.send('40/other,{}');
    expect(await client.nextText('44/other,')).toContain('Invalid namespace');
    client.send('40{"user":"ada"}');
    expect(await client.event('session')).toMatchObject({ user: { id: 'ada' } });
  });

  test('long-polling is refused, in every way to ask for it', async () => {
    for (const query of [
      '?EIO=4&transport=polling',
      '?EIO=4&transport=polling&t=abc',
      '',
      '?EIO=4&transport=webtransport',
    ]) {
      for (const method of ['GET', 'POST', 'OPTIONS']) {
        const { status } = await httpRequest(`${app.url}/api/ws/${query}`, { method });
        expect({ query, method, status }).toEqual({ query, method, status: 400 });
      }
    }
    await expect(connectClient(app.url, { socketOptions: { transports: ['polling'] } })).rejects.toThrow(
      ConnectRefused,
    );
    expect((await upgrade(`${app.url}/api/ws/?EIO=4&transport=polling`)).status).toBe(400);
  });

  test.each([
    ['EIO', 'EIO=3&transport=websocket'],
    ['EIO', 'transport=websocket'],
    ['EIO', 'EIO=5&transport=websocket'],
    ['EIO', 'EIO=4&EIO=3&transport=websocket'],
    ['transport', 'EIO=4'],
    ['transport', 'EIO=4&transport=polling'],
    ['transport', 'EIO=4&transport=webtransport'],
    ['transport', 'EIO=4&transport=__proto__'],
    ['sid', 'EIO=4&transport=websocket&sid=none'],
    ['sid', 'EIO=4&transport=websocket&sid=__proto__'],
    ['sid', 'EIO=4&transport=websocket&sid=constructor'],
    ['sid', 'EIO=4&transport=websocket&sid=a&sid=b'],
    ['sid', 'EIO=4&transport=websocket&sid=%00'],
  ])('what Engine.IO does not take is refused by an error object that names %s: %s', async (path, query) => {
    const socket = connect(Number(new URL(app.url).port), '127.0.0.1');
    const headers = Object.entries(webSocketHeaders).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`GET /api/ws/?${query} HTTP/1.1\r\nHost: localhost\r\n${headers.join('')}\r\n`);
    // Before the upgrade, and nothing after it.
    const [head, body, ...more] = (await within('the connection closes', text(socket))).split('\r\n\r\n');
    expect([head!.split(' ')[1], more]).toEqual(['400', []]);
    expect(JSON.parse(body!)).toMatchObject({ error: { code: 'invalid_payload', details: { issues: [{ path }] } } });
    const byHttp = await httpRequest(`${app.url}/api/ws/?${query}`);
    expectRefused({ ...byHttp, body: byHttp.text }, 400, 'invalid_payload');
  });

  test('an empty sid is none', async () => {
    expect((await upgrade(`${app.url}${handshake}&sid=`)).status).toBe(101);
    expect((await upgrade(`${app.url}${handshake}&sid=x&sid=`)).status).toBe(101);
  });

  test('a session by WebSocket is not gone on with', async () => {
    await using client = await connectClient(app.url);
    const { id } = client.socket.io.engine as unknown as { id: string };
    expectRefused(await upgrade(`${app.url}${handshake}&sid=${id}`), 400, 'invalid_payload');
    expect(await client.call('ping', {})).toHaveProperty('server_time');
  });
});

/** For servers whose clock stands still: what is under way stays new. */
const startedAt = Date.now();

describe('handshakes that are refused for now', () => {
  const now = () => startedAt;
  let isAway = false;
  afterEach(() => {
    isAway = false;
  });
  const away: AppOptions = {
    wrapStore: (store) =>
      storeWith(store, {
        ping: async () => {
          if (isAway) throw new StoreUnavailable('the store is away');
          return store.ping();
        },
      }),
  };

  test('while the store is away: 503, and stock clients get in when it is back', async () => {
    await using app = await startApp(away);
    await using bystander = await connectClient(app.url);
    isAway = true;
    expect(await bystander.next('system_status')).toMatchObject({ status: 'degraded' });
    for (const query of ['', '&sid=', '&sid=x&sid=']) {
      expectRefused(await upgrade(`${app.url}${handshake}${query}`), 503, 'unavailable');
    }
    await expect(connectClient(app.url)).rejects.toMatchObject({ status: 503, data: undefined });

    await using knocker = new Knocker(app.url);
    await knocker.meets(503);
    isAway = false;
    await knocker.getsIn();
    expect(await bystander.next('system_status')).toMatchObject({ status: 'ok' });
    expect(await bystander.call('ping', {})).toHaveProperty('server_time');
  });

  test('while the server drains: 503, and stock clients get in at the next one', async () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    await using draining = await startApp({
      drainTimeoutMs: 10_000,
      wrapStore: (store) => storeWith(store, { write: async (ops) => held.then(() => store.write(ops)) }),
    });
    const { port } = draining.server;
    await using client = await connectClient(draining.url, { user: 'ada' });
    const { thread } = await client.call('create_thread', {});
    const begun = client.call('send_message', { thread_id: thread.id, content: 'x' });
    // Requests of one connection are begun in order.
    await client.call('ping', {});

    const drained = draining.server.drain();
    expectRefused(await upgrade(`${draining.url}${handshake}`), 503, 'unavailable');
    expectRefused(await upgrade(`${draining.url}${handshake}&sid=`), 503, 'unavailable');
    await using knocker = new Knocker(draining.url);
    await knocker.meets(503);
    release();
    expect((await begun).message.content).toBe('x');
    await within('the server has drained', drained);
    expect(knocker.client.socket.connected).toBe(false);
    await using next = await startApp({ port });
    expect(next.url).toBe(draining.url);
    await knocker.getsIn();
  });

  test('while the store is away: 503 to long-polling too', async () => {
    await using app = await startApp({ ...away, transports: ['websocket', 'polling'] });
    await using bystander = await connectClient(app.url);
    isAway = true;
    expect(await bystander.next('system_status')).toMatchObject({ status: 'degraded' });
    for (const query of ['', '&sid=', '&sid=x&sid=']) {
      const reply = await httpRequest(`${app.url}/api/ws/?EIO=4&transport=polling${query}`);
      expectRefused({ ...reply, body: reply.text }, 503, 'unavailable');
    }
    await using knocker = new Knocker(app.url, { socketOptions: { transports: ['polling'] } });
    await knocker.meets(503);
    isAway = false;
    await knocker.getsIn();
  });

  test('with too many under way: 429, and stock clients get in when there are fewer', async () => {
    await using app = await startApp({ maxPendingHandshakes: 2, now });
    await using bystander = await connectClient(app.url);
    await using first = await connectWire(app.url, { connectNamespace: false });
    await using second = await connectWire(app.url, { connectNamespace: false });
    for (const query of ['', '&sid=', '&sid=x&sid=']) {
      expectRefused(await upgrade(`${app.url}${handshake}${query}`), 429, 'rate_limited');
    }
    await expect(connectClient(app.url)).rejects.toMatchObject({ status: 429, data: undefined });

    await using knocker = new Knocker(app.url);
    await knocker.meets(429);
    first.send('40{"user":"ada"}');
    await first.event('session');
    await knocker.getsIn();
    second.socket.terminate();
    await using third = await connectWire(app.url, { connectNamespace: false });
    await using fourth = await connectWire(app.url, { connectNamespace: false });
    expectRefused(await upgrade(`${app.url}${handshake}`), 429, 'rate_limited');
    third.send('40{}');
    fourth.send('40{}');
    await Promise.all([third.event('session'), fourth.event('session')]);
    expect(await bystander.call('ping', {})).toHaveProperty('server_time');
  });

  test('with too many under way the oldest makes room, where it has had more than a second', async () => {
    let passedMs = 0;
    await using app = await startApp({
      maxPendingHandshakes: 2,
      transports: ['websocket', 'polling'],
      now: () => startedAt + passedMs,
    });
    const open = () => connectWire(app.url, { connectNamespace: false });
    await using first = await open();
    passedMs += 600;
    await using second = await open();
    passedMs += 400;
    expectRefused(await upgrade(`${app.url}${handshake}`), 429, 'rate_limited');
    passedMs += 1;
    // What opens nothing takes nobody's place.
    for (const query of ['EIO=3&transport=websocket', 'EIO=4&transport=polling', 'EIO=4&transport=websocket&sid=x']) {
      expectRefused(await upgrade(`${app.url}/api/ws/?${query}`), 400, 'invalid_payload');
    }
    expectRefused(await upgrade(`${app.url}${handshake}`, { Origin: 'https://evil.example' }), 403, 'forbidden');
    await using third = await open();
    await first.closing();
    expectRefused(await upgrade(`${app.url}${handshake}`), 429, 'rate_limited');

    passedMs += 600;
    // By long-polling too: the second goes.
    const { status } = await httpRequest(`${app.url}/api/ws/?EIO=4&transport=polling`);
    expect(status).toBe(200);
    await second.closing();
    third.send('40{"user":"ada"}');
    expect(await third.event('session')).toMatchObject({ user: { id: 'ada' } });
    passedMs += 60_000;
    await using fourth = await connectWire(app.url);
    await fourth.event('session');
    // Who has connected has all the time in the world.
    expect(await third.request('ping', {})).toMatchObject({ ok: true });
  });

  test('a CONNECT that is refused is still one under way, until its connection closes', async () => {
    await using app = await startApp({
      maxPendingHandshakes: 1,
      now,
      auth: { mode: 'jwt', key: { secret: jwtSecret } },
    });
    await using refused = await connectWire(app.url, { connectNamespace: false });
    refused.send('40{"token":"none"}');
    await refused.nextText('44');
    expectRefused(await upgrade(`${app.url}${handshake}`), 429, 'rate_limited');
    await refused[Symbol.asyncDispose]();
    await eventually('a handshake is let in', async () => (await upgrade(`${app.url}${handshake}`)).status === 101);
  });

  test('a burst lets in no more than may be under way', async () => {
    await using app = await startApp({ maxPendingHandshakes: 5, now });
    const clients = Array.from({ length: 40 }, () => new WireClient(app.url, {}));
    const opened = await Promise.all(clients.map((client) => client.nextText('0').catch(() => undefined)));
    expect(opened.filter((open) => open !== undefined)).toHaveLength(5);
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
  });
});

describe('one client that misbehaves', () => {
  let app: App;
  let bystander: TestClient;
  beforeAll(async () => {
    app = await startApp({ auth: { mode: 'jwt', key: { secret: jwtSecret } }, ratePerSecond: 0 });
  });
  afterAll(async () => app[Symbol.asyncDispose]());
  beforeEach(async () => {
    bystander = await connectClient(app.url, { token: await tokenFor('bystander') });
  });
  /** Whatever happened before it, others must not have noticed. */
  afterEach(async () => {
    expect(await bystander.call('ping', {})).toHaveProperty('server_time');
    expect(bystander.buffered).toEqual([]);
    await bystander[Symbol.asyncDispose]();
  });

  test('by connecting twice has one session', async () => {
    const auth = { token: await tokenFor('ada') };
    await using client = await connectWire(app.url, { auth });
    await client.event('session');
    client.send(`40${JSON.stringify(auth)}`);
    expect(await client.event('error')).toMatchObject({ code: 'invalid_payload' });
    expect(await client.request('ping', {})).toMatchObject({ ok: true });
    expect(client.frames.filter((frame) => frame.toString().includes('"session"'))).toHaveLength(1);
  });

  test('by connecting a thousand times at once has one session at most', async () => {
    const connectPacket = `40${JSON.stringify({ token: await tokenFor('ada') })}`;
    await using client = await connectWire(app.url, { connectNamespace: false });
    for (let i = 0; i < 1000; i++) client.send(connectPacket);
    // Either is right: it was let in once, or sent away.
    await Promise.any([client.closing(), client.event('session')]);
    expect(client.frames.filter((frame) => frame.toString().includes('"session"')).length).toBeLessThanOrEqual(1);
  });

  test('by guessing tokens gets a handful of tries per connection', async () => {
    await using client = await connectWire(app.url, { connectNamespace: false });
    for (let tries = 1; ; tries++) {
      client.send(`40{"token":"guess-${tries}"}`);
      const answer = await client.nextText('44').catch(() => undefined);
      if (answer === undefined) break;
      expect(JSON.parse(answer)).toMatchObject({ data: { code: 'unauthenticated' } });
      expect(tries).toBeLessThan(20);
    }
    await client.closing();
  });

  test('by asking for a thousand namespaces, and is closed for it', async () => {
    await using client = await connectWire(app.url, { connectNamespace: false });
    for (let i = 0; i < 1000; i++) client.send(`40/other-${i},{}`);
    await client.closed;
  });

  test.each([
    '42["ping",{}]',
    '420["ping",{}]',
    '41',
    '44{}',
    '430["x"]',
    'garbage',
    '4',
    '9',
    '40{',
    '451-["x",{"_placeholder":true,"num":0}]',
  ])('by sending %s before CONNECT gets nothing but a refusal', async (frame) => {
    await using client = await connectWire(app.url, { connectNamespace: false });
    client.send(frame);
    client.send(`40${JSON.stringify({ token: await tokenFor('ada') })}`);
    const session = await client.event('session').catch(() => undefined);
    if (session === undefined) await client.closing(100);
    const events = client.frames.filter((each) => /^4[23]/.test(each.toString()));
    expect(events).toHaveLength(session === undefined ? 0 : 1);
  });

  test.each([
    ['in the middle of the request', 'GET /api/ws/?EIO=4&transport=websocket HTTP/1.1\r\nHost: loc'],
    ['before the answer', upgradeRequest(handshake)],
    ['before the answer, which is a refusal', upgradeRequest('/socket.io/?EIO=4&transport=websocket')],
    ['before the answer, which is a refusal of the engine', upgradeRequest('/api/ws/?EIO=9&transport=none')],
    ['with frames sent ahead', `${upgradeRequest(handshake)}\u0081\u00ff\u0000\u0000`],
  ])('by aborting its upgrade %s', async (_when, bytes) => {
    for (const end of ['reset', 'destroy', 'end'] as const) {
      await Promise.all(Array.from({ length: 20 }, () => knockAndRun(app.server, bytes, end)));
    }
  });

  test('by aborting its upgrade while the list of origins is looked at', async () => {
    await using cors = await startApp({ corsOrigins: ['https://app.example'] });
    await using other = await connectClient(cors.url);
    const bytes = upgradeRequest(handshake, 'Origin: https://app.example\r\n');
    for (const end of ['reset', 'destroy', 'end'] as const) {
      await Promise.all(Array.from({ length: 20 }, () => knockAndRun(cors.server, bytes, end)));
    }
    expect(await other.call('ping', {})).toHaveProperty('server_time');
  });

  test.each([
    ['no key', 'Sec-WebSocket-Key: short\r\nSec-WebSocket-Version: 13'],
    ['an old version', `Sec-WebSocket-Key: ${webSocketHeaders['Sec-WebSocket-Key']}\r\nSec-WebSocket-Version: 7`],
  ])('by an upgrade with %s: refused', async (_what, lines) => {
    const socket = connect(Number(new URL(app.url).port), '127.0.0.1');
    socket.write(
      `GET ${handshake} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${lines}\r\n\r\n`,
    );
    expect(await within('the connection closes', text(socket))).toMatch(/^HTTP\/1\.1 4\d\d /);
  });

  test('by an address that is none', async () => {
    for (const target of ['/api/ws?%', '/api/ws/?EIO=4&transport=websocket&x=%E0%A4%A', 'http://[/api/ws', '//', '*']) {
      const socket = connect(Number(new URL(app.url).port), '127.0.0.1');
      socket.write(upgradeRequest(target));
      const [answer] = (await within(`an answer to ${target}`, once(socket, 'data'))) as [Buffer];
      expect(answer.toString()).toMatch(/^HTTP\/1\.1 (101|4\d\d) /);
      socket.destroy();
    }
  });
});

function upgradeRequest(target: string, more = ''): string {
  const headers = Object.entries(webSocketHeaders).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${target} HTTP/1.1\r\nHost: localhost\r\n${more}${headers.join('')}\r\n`;
}

/** Opens a TCP connection, sends these bytes and goes away at once. */
async function knockAndRun(
  { port }: { readonly port: number },
  bytes: string,
  end: 'reset' | 'destroy' | 'end',
): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  await new Promise((resolve) => socket.write(Buffer.from(bytes, 'latin1'), resolve));
  const closed = once(socket.resume(), 'close');
  if (end === 'reset') socket.resetAndDestroy();
  else if (end === 'destroy') socket.destroy();
  else socket.end();
  await closed;
}

/** The session that a polling handshake has opened. */
function sidOf({ status, text }: Reply): string {
  expect(status).toBe(200);
  return (JSON.parse(text.slice(1)) as { sid: string }).sid;
}

describe('TRANSPORTS=websocket,polling', () => {
  let app: App;
  beforeAll(async () => {
    app = await startApp({ transports: ['websocket', 'polling'], ratePerSecond: 0 });
  });
  afterAll(async () => app[Symbol.asyncDispose]());

  const polling = () => `${app.url}/api/ws/?EIO=4&transport=polling`;

  const sessions: string[] = [];
  // Engine.IO waits half a minute for the poll that hears of the end.
  afterEach(async () => {
    const urls = sessions.splice(0).map((sid) => `${polling()}&sid=${sid}`);
    await Promise.allSettled(urls.map((url) => httpRequest(url, { timeoutMs: 200 })));
    await Promise.all(urls.map((url) => httpRequest(url, { method: 'POST', body: '1' })));
  });

  async function openSession(): Promise<string> {
    const sid = sidOf(await httpRequest(polling()));
    sessions.push(sid);
    return sid;
  }

  test.each([[['polling']], [['websocket']], [['polling', 'websocket']]])(
    'a stock client by %j works',
    async (transports) => {
      await using writer = await connectClient(app.url, { user: 'ada', socketOptions: { transports } });
      await using reader = await connectClient(app.url, { user: 'bob', socketOptions: { transports } });
      const { thread } = await writer.call('create_thread', {});
      await reader.call('subscribe_thread', { thread_id: thread.id });
      const { message } = await writer.call('send_message', { thread_id: thread.id, content: 'hello' });
      expect(await reader.next('thread_message')).toEqual(message);
      if (transports.length > 1) {
        const { engine } = reader.socket.io;
        await eventually('it has gone over to WebSocket', () => engine.transport.name === 'websocket');
        const again = await writer.call('send_message', { thread_id: thread.id, content: 'by WebSocket' });
        expect(await reader.next('thread_message')).toEqual(again.message);
      }
    },
  );

  test('a bad polling request harms nobody', async () => {
    await using byPolling = await connectClient(app.url, { socketOptions: { transports: ['polling'] } });
    await using byWebSocket = await connectClient(app.url, { socketOptions: { transports: ['websocket'] } });
    const sid = await openSession();
    const url = `${polling()}&sid=${sid}`;
    const bad: { url: string; method: string; body?: string; headers?: Record<string, string> }[] = [
      { url: `${polling()}&sid=none`, method: 'GET' },
      { url: `${polling()}&sid=__proto__`, method: 'GET' },
      { url: `${polling()}&sid=hasOwnProperty`, method: 'POST', body: '40' },
      { url: `${polling()}&sid=${byWebSocket.socket.io.engine.id}`, method: 'GET' },
      { url: polling(), method: 'POST', body: '40' },
      { url: polling().replace('EIO=4', 'EIO=3'), method: 'GET' },
      { url: polling().replace('polling', 'websocket'), method: 'GET' },
      { url: polling().replace('polling', 'constructor'), method: 'GET' },
      { url, method: 'PUT', body: '40' },
      { url, method: 'DELETE' },
      { url, method: 'POST', body: 'garbage that is no packet' },
    ];
    for (const { url: address, ...options } of bad) {
      const { status } = await httpRequest(address, options);
      expect({ address, status: status === 200 ? 'ok' : status >= 400 && status <= 501 ? 'refused' : status }).toEqual({
        address,
        status: options.body === 'garbage that is no packet' ? 'ok' : 'refused',
      });
    }
    for (const client of [byPolling, byWebSocket]) expect(await client.call('ping', {})).toHaveProperty('server_time');
  });

  test('a polling body above 1 MiB is refused, and harms only its session', async () => {
    await using bystander = await connectClient(app.url, { socketOptions: { transports: ['polling'] } });
    const url = `${polling()}&sid=${await openSession()}`;
    const body = `42["ping",{"message_id":"${'x'.repeat(1024 * 1024)}"}]`;
    const outcome = await httpRequest(url, { method: 'POST', body }).then(
      ({ status }) => status,
      () => 'closed',
    );
    expect([413, 'closed']).toContain(outcome);
    expect(await bystander.call('ping', {})).toHaveProperty('server_time');
  });

  test('polls that are broken off harm nobody', async () => {
    // In a process of its own: for half a minute Engine.IO keeps what became of them.
    await using server = await startServer({ env: { TRANSPORTS: 'websocket,polling' } });
    const url = `${server.url}/api/ws/?EIO=4&transport=polling`;
    await using bystander = await connectClient(server.url, { socketOptions: { transports: ['polling'] } });
    for (let i = 0; i < 10; i++) {
      const sid = sidOf(await httpRequest(url));
      const target = `/api/ws/?EIO=4&transport=polling&sid=${sid} HTTP/1.1\r\nHost: localhost\r\n`;
      await knockAndRun(server, `POST ${target}Content-Length: 100\r\n\r\n40`, 'reset');
      await knockAndRun(server, `GET ${target}\r\n`, 'reset');
    }
    expect(await bystander.call('ping', {})).toHaveProperty('server_time');
  });

  test('an upgrade to a session of somebody else takes nothing from it', async () => {
    await using bystander = await connectClient(app.url, { socketOptions: { transports: ['polling'] } });
    const { id } = bystander.socket.io.engine as unknown as { id: string };
    expect((await upgrade(`${app.url}${handshake}&sid=${id}`)).status).toBe(101);
    expect(await bystander.call('ping', {})).toHaveProperty('server_time');
  });

  test('handshakes by polling are refused by 429 too', async () => {
    await using limited = await startApp({
      transports: ['websocket', 'polling'],
      maxPendingHandshakes: 1,
      now: () => startedAt,
    });
    await using first = await connectWire(limited.url, { connectNamespace: false });
    const url = `${limited.url}/api/ws/?EIO=4&transport=polling`;
    for (const query of ['', '&sid=', '&sid=x&sid=']) {
      const reply = await httpRequest(`${url}${query}`);
      expectRefused({ status: reply.status, headers: reply.headers, body: reply.text }, 429, 'rate_limited');
    }
    await using knocker = new Knocker(limited.url, { socketOptions: { transports: ['polling'] } });
    await knocker.meets(429);
    first.send('40{}');
    await first.event('session');
    await knocker.getsIn();
  });
});

test('TRANSPORTS=polling alone: no WebSocket opens, and asking for one harms nobody', async () => {
  await using app = await startApp({ transports: ['polling'] });
  await using client = await connectClient(app.url, { socketOptions: { transports: ['polling'] } });
  for (const transport of ['websocket', 'polling']) {
    const refused = await upgrade(`${app.url}/api/ws/?EIO=4&transport=${transport}`);
    expectRefused(refused, 400, 'invalid_payload');
  }
  expect(await client.call('ping', {})).toHaveProperty('server_time');
});

test('a server closes at once, whatever its connections do', async () => {
  const app = await startApp();
  const socket = connect(app.server.port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(upgradeRequest(handshake));
  await once(socket, 'data');
  // From here on it answers nothing, not even that it has heard the connection's end.
  const pausing = socket.pause();
  await within('the server is closed', app.server.close(), 5000);
  pausing.destroy();
  await app[Symbol.asyncDispose]();
});

test('a connection that never sends a CONNECT that holds is closed after a while', async () => {
  await Promise.all([patient.silent.closing(15_000), patient.refused.closing(15_000)]);
  expect(patient.silent.untaken).toEqual([]);
  const { app, lastToConnect } = patient;
  expect(await lastToConnect.request('ping', {})).toMatchObject({ ok: true });
  expect(app.logs.filter(({ level }) => level >= 50)).toEqual([]);
});
