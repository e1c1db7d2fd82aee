import { once } from 'node:events';
import { Agent } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { errorObjectSchema, limits } from '@threadwire/protocol';
import { createHttpServer } from '../../server/src/http/http-server.ts';
import { startApp, storeWith } from '../support/app.ts';
import type { App } from '../support/app.ts';
import { connectClient } from '../support/client.ts';
import { eventually, within } from '../support/eventually.ts';
import { httpRequest } from '../support/http-request.ts';
import { jwtSecret, tokenFor } from '../support/tokens.ts';
import { newGate, range } from './helpers.ts';

interface Answer {
  readonly status: number;
  readonly head: string;
  readonly json: unknown;
}

/** A TCP connection whose every byte is in the test's hands. */
class Tcp implements AsyncDisposable {
  readonly socket: Socket;
  /** Resolves when the server has closed its side, or cut it off. */
  readonly closed: Promise<unknown>;
  #received = '';

  constructor({ port }: { readonly port: number }) {
    this.socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    this.socket.on('error', () => undefined);
    this.socket.setEncoding('latin1').on('data', (data: string) => {
      this.#received += data;
    });
    this.closed = Promise.race([once(this.socket, 'end'), once(this.socket, 'close')]);
  }

  /** Sends a request: its first line, its headers but for `Host`, and as much of its body as there is. */
  send(line: string, headers: readonly string[] = [], body = ''): void {
    this.socket.write([`${line} HTTP/1.1`, 'Host: localhost', ...headers, '', body].join('\r\n'));
  }

  /** The next answers, in order. */
  async answers(count: number): Promise<Answer[]> {
    await eventually(`${count} answers`, () => this.#parse().length >= count);
    const found = this.#parse();
    this.#received = '';
    expect(found).toHaveLength(count);
    return found;
  }

  async answer(): Promise<Answer> {
    return (await this.answers(1))[0]!;
  }

  get received(): string {
    return this.#received;
  }

  #parse(): Answer[] {
    const found: Answer[] = [];
    for (let rest = this.#received; ;) {
      const end = rest.indexOf('\r\n\r\n');
      if (end === -1) return found;
      const head = rest.slice(0, end);
      const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
      const body = rest.slice(end + 4, end + 4 + length);
      if (body.length < length) return found;
      found.push({ status: Number(head.split(' ')[1]), head, json: body === '' ? undefined : JSON.parse(body) });
      rest = rest.slice(end + 4 + length);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.socket, 'close');
    this.socket.destroy();
    if (!this.socket.closed) await closed;
  }
}

function expectRefused({ status, head, json }: Answer, expected: number, code: string): void {
  expect(status).toBe(expected);
  const { error } = json as { error: unknown };
  expect(errorObjectSchema.strict().parse(error)).toMatchObject({ code });
  expect(head).toMatch(/^content-type: application\/json/im);
}

describe('a request that asks for another protocol than WebSocket', () => {
  let app: App;
  beforeAll(async () => {
    app = await startApp();
  });
  afterAll(async () => app[Symbol.asyncDispose]());

  // As Java's HttpClient and `curl --http2` do.
  const h2c = ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA'];
  const json = 'Content-Type: application/json';

  test('is served as what it is, with its body, and so is what follows it', async () => {
    await using tcp = new Tcp(app.server);
    tcp.send('GET /api/threads', h2c);
    expect(await tcp.answer()).toMatchObject({ status: 200, json: { threads: [] } });
    const body = JSON.stringify({ id: 'a', title: 'whole' });
    tcp.send('POST /api/threads', [...h2c, json, `Content-Length: ${body.length}`], body);
    expect(await tcp.answer()).toMatchObject({ status: 201, json: { thread: { title: 'whole' } } });
    const chunk = JSON.stringify({ id: 'b', title: 'in chunks' });
    tcp.send('POST /api/threads', [...h2c, json, 'Transfer-Encoding: chunked']);
    tcp.socket.write(`${chunk.length.toString(16)}\r\n${chunk}\r\n`);
    tcp.socket.write('0\r\n\r\n');
    expect(await tcp.answer()).toMatchObject({ status: 201, json: { thread: { title: 'in chunks' } } });
    tcp.send('GET /healthz', ['Connection: Upgrade', 'Upgrade: TLS/1.0, h2c']);
    expect(await tcp.answer()).toMatchObject({ status: 200, json: { status: 'ok' } });
    tcp.send('GET /there/is/none', h2c);
    expectRefused(await tcp.answer(), 404, 'unknown_event');
    tcp.send('GET /healthz');
    expect((await tcp.answer()).status).toBe(200);
  });

  test('opens no connection where WebSockets do', async () => {
    await using tcp = new Tcp(app.server);
    tcp.send('GET /api/ws/?EIO=4&transport=websocket', h2c);
    expectRefused(await tcp.answer(), 400, 'invalid_payload');
  });

  test.each(['websocket', 'WebSocket'])('and one that asks for %s gets it', async (name) => {
    await using tcp = new Tcp(app.server);
    tcp.send('GET /api/ws/?EIO=4&transport=websocket', [
      'Connection: Upgrade',
      `Upgrade: ${name}`,
      'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Key: ${Buffer.from('sixteen bytes it').toString('base64')}`,
    ]);
    await eventually('the connection is upgraded', () => tcp.received.startsWith('HTTP/1.1 101 '));
  });
});

describe('requests that a client sends without waiting for answers', () => {
  test('are carried out one after the other, and answered in order', async () => {
    let running = 0;
    let most = 0;
    await using app = await startApp({
      wrapStore: (store) =>
        storeWith(store, {
          threads: async (ids) => {
            most = Math.max(most, ++running);
            await turn();
            running--;
            return store.threads(ids);
          },
        }),
    });
    await using tcp = new Tcp(app.server);
    const ids = range(1, 10).map((i) => `none-${i}`);
    tcp.socket.write(ids.map((id) => `GET /api/threads/${id} HTTP/1.1\r\nHost: localhost\r\n\r\n`).join(''));
    const answers = await tcp.answers(ids.length);
    expect(answers.map(({ json }) => (json as { error: { message: string } }).error.message)).toEqual(
      ids.map((id) => expect.stringContaining(id)),
    );
    expect(most).toBe(1);
    tcp.send('GET /healthz');
    expect((await tcp.answer()).status).toBe(200);
  });

  test('cost the connection where they are too many, and none of them is carried out', async () => {
    const gate = newGate();
    let asked = 0;
    await using app = await startApp({
      wrapStore: (store) =>
        storeWith(store, {
          threads: async (ids) => {
            asked++;
            await gate.pass();
            return store.threads(ids);
          },
        }),
    });
    await using tcp = new Tcp(app.server);
    tcp.socket.write('GET /api/threads/none HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(200));
    await within('the connection is closed', tcp.closed);
    gate.open();
    expect((await httpRequest(`${app.url}/api/threads/none`)).status).toBe(404);
    expect([asked, tcp.received]).toEqual([2, '']);
  });

  test('behind one whose answer closes the connection are not carried out', async () => {
    await using app = await startApp();
    await using tcp = new Tcp(app.server);
    tcp.socket.write(
      ['GET /healthz HTTP/1.1', 'Host: localhost', 'Connection: close', '', ''].join('\r\n') +
        ['POST /api/threads HTTP/1.1', 'Host: localhost', '', ''].join('\r\n'),
    );
    await within('the connection is closed', tcp.closed);
    expect(await tcp.answer()).toMatchObject({ status: 200 });
    expect((await httpRequest(`${app.url}/api/threads`)).json).toEqual({ threads: [] });
  });
});

describe('a body that nobody may send', () => {
  let app: App;
  beforeAll(async () => {
    app = await startApp({ auth: { mode: 'jwt', key: { secret: jwtSecret } } });
  });
  afterAll(async () => app[Symbol.asyncDispose]());
  const json = 'Content-Type: application/json';

  test.each([
    ['is long', 'Content-Length: 1000000000'],
    ['has no end', 'Transfer-Encoding: chunked'],
  ])('and %s is not waited for: 401, and the connection closes', async (_what, header) => {
    await using tcp = new Tcp(app.server);
    tcp.send('POST /api/threads', [json, header]);
    const answer = await tcp.answer();
    expectRefused(answer, 401, 'unauthenticated');
    expect(answer.head).toMatch(/^connection: close/im);
    await within('the connection is closed', tcp.closed);
  });

  test('and is short does not cost the connection', async () => {
    await using tcp = new Tcp(app.server);
    tcp.send('POST /api/threads', [json, 'Content-Length: 9']);
    expectRefused(await tcp.answer(), 401, 'unauthenticated');
    tcp.socket.write('{ "id": }');
    tcp.send('GET /api/threads', [`Authorization: Bearer ${await tokenFor('ada')}`]);
    expect((await tcp.answer()).status).toBe(200);
  });

  test('is answered also where the client sends all of it before it reads', async () => {
    const body = Buffer.alloc(8 * limits.maxFrameBytes, ' ');
    const headers = { 'Content-Type': 'application/json' };
    for (const path of ['/api/threads', '/there/is/none']) {
      const reply = await httpRequest(`${app.url}${path}`, { method: 'POST', body, headers });
      expect(reply.status).toBe(path === '/api/threads' ? 401 : 404);
    }
  });

  test('is not looked at before the token', async () => {
    const reply = await httpRequest(`${app.url}/api/threads`, {
      method: 'POST',
      body: '{ "id": ',
      headers: { 'Content-Type': 'application/json' },
    });
    expect(reply.error.code).toBe('unauthenticated');
  });

  test('is not looked at before the rate', async () => {
    await using limited = await startApp({ ratePerSecond: 1 });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const statuses: number[] = [];
    for (let i = 0; i < 6; i++) {
      const headers = { 'Content-Type': 'application/json' };
      const reply = await httpRequest(`${limited.url}/api/threads`, { method: 'POST', body: '{', headers, agent });
      statuses.push(reply.status);
    }
    agent.destroy();
    expect(statuses.slice(0, 4)).toEqual([400, 400, 400, 400]);
    expect(statuses).toContain(429);
  });
});

describe('what is not HTTP', () => {
  let app: App;
  beforeAll(async () => {
    app = await startApp();
  });
  afterAll(async () => app[Symbol.asyncDispose]());

  test.each([
    ['no request', 'HELO there\r\n\r\n', 400, 'invalid_payload'],
    ['a header without a name', 'GET / HTTP/1.1\r\nHost: localhost\r\n: x\r\n\r\n', 400, 'invalid_payload'],
    [
      'two ways to end the body',
      'POST /api/threads HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}',
      400,
      'invalid_payload',
    ],
    [
      'a broken chunk',
      'POST /api/threads HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
      400,
      'invalid_payload',
    ],
    [
      'headers without end',
      `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
      431,
      'payload_too_large',
    ],
    [
      'an unknown expectation',
      'POST /api/threads HTTP/1.1\r\nHost: localhost\r\nExpect: tea\r\nContent-Length: 2\r\n\r\n{}',
      417,
      'invalid_payload',
    ],
  ])('%s: an error object, and the connection closes', async (_what, bytes, status, code) => {
    await using tcp = new Tcp(app.server);
    tcp.socket.write(bytes);
    const answer = await tcp.answer();
    expectRefused(answer, status, code);
    expect(answer.head).toMatch(/^connection: close/im);
    await within('the connection is closed', tcp.closed);
  });

  test('behind a request that is not answered yet is not answered in its place', async () => {
    const gate = newGate();
    await using held = await startApp({
      wrapStore: (store) => storeWith(store, { threads: async (ids) => gate.pass().then(() => store.threads(ids)) }),
    });
    await using tcp = new Tcp(held.server);
    tcp.send('GET /api/threads/none');
    await gate.reached;
    tcp.socket.write('HELO there\r\n\r\n');
    await within('the connection is closed', tcp.closed);
    expect(tcp.received).toBe('');
    gate.open();
  });

  test('and is broken off harms nobody', async () => {
    await using bystander = await connectClient(app.url);
    for (let i = 0; i < 20; i++) {
      const tcp = new Tcp(app.server);
      await once(tcp.socket, 'connect');
      await new Promise((resolve) => tcp.socket.write('HELO there\r\n\r\n', resolve));
      tcp.socket.resetAndDestroy();
    }
    expect(await bystander.call('ping', {})).toHaveProperty('server_time');
  });

  test('a body may take any time, but headers have a minute', () => {
    const { requestTimeout, headersTimeout } = createHttpServer(() => undefined);
    expect(requestTimeout).toBe(0);
    expect(headersTimeout).toBe(60_000);
  });

  test('a request that does not come in time is told so', async () => {
    const server = createHttpServer(() => undefined);
    server.on('connection', (socket) => {
      // Node looks only each half minute.
      server.emit('clientError', Object.assign(new Error('late'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }), socket);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    const answer = await within('the connection is closed', text(socket));
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(JSON.parse(answer.split('\r\n\r\n')[1]!)).toMatchObject({ error: { code: 'invalid_payload' } });
    server.close();
  });
});
