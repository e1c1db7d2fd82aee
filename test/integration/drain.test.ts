import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { StoreUnavailable } from '../../server/src/store/thread-store.ts';
import { startApp, storeWith } from '../support/app.ts';
import type { AppOptions } from '../support/app.ts';
import { connectClient } from '../support/client.ts';
import { within } from '../support/eventually.ts';
import { httpRequest } from '../support/http-request.ts';
import { connectWire } from '../support/wire-client.ts';

/** An app whose store takes writes only when the test lets it: what was begun stays so. */
async function startWithHeldWrites(options: AppOptions = {}) {
  let open = (): void => undefined;
  let fail = (_error: Error): void => undefined;
  let arrived = (): void => undefined;
  const gate = new Promise<void>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  gate.catch(() => undefined);
  const writing = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const app = await startApp({
    drainTimeoutMs: 20_000,
    ...options,
    wrapStore: (store) =>
      storeWith(store, {
        write: async (ops) => {
          arrived();
          await gate;
          return store.write(ops);
        },
      }),
  });
  return { app, writing, open, fail, [Symbol.asyncDispose]: async () => app[Symbol.asyncDispose]() };
}

describe('while a server drains', () => {
  test('nothing new is taken, and what was begun is answered', async () => {
    await using held = await startWithHeldWrites();
    const { app } = held;
    await using client = await connectClient(app.url, { user: 'ada' });
    const { thread } = await client.call('create_thread', {});
    const post = (content: string) =>
      httpRequest(`${app.url}/api/threads/${thread.id}/messages`, {
        method: 'POST',
        body: { content },
        timeoutMs: 10_000,
      });
    const get = (path: string) => httpRequest(`${app.url}${path}`);
    const begunByHttp = post('by HTTP');
    await held.writing;
    const begun = client.call('send_message', { thread_id: thread.id, content: 'by a connection' }, 10_000);
    // One connection's requests are begun in order.
    await client.call('ping', {});
    expect((await get('/readyz')).status).toBe(200);

    const drained = app.server.drain();
    const unavailable = { code: 'unavailable', retry: 'later', retry_after_ms: expect.any(Number) };
    for (const event of ['ping', 'list_threads', 'send_message'] as const) {
      const answer = await client.requestRaw(event, [
        event === 'send_message' ? { thread_id: thread.id, content: 'x' } : {},
      ]);
      expect(answer).toMatchObject({ ok: false, error: { ...unavailable, event } });
    }
    client.send('ping', { message_id: 'm-1' });
    expect(await client.next('error')).toMatchObject({ ...unavailable, message_id: 'm-1' });
    for (const reply of [await get('/api/threads'), await post('too late')]) {
      expect(reply.status).toBe(503);
      expect(reply.error).toMatchObject(unavailable);
      expect(Number(reply.headers['retry-after'])).toBeGreaterThan(0);
      expect(reply.headers['connection']).toBe('close');
    }
    const ready = await get('/readyz');
    expect(ready.status).toBe(503);
    expect(ready.json).toMatchObject({ reasons: ['the server drains'] });
    expect((await get('/healthz')).status).toBe(200);
    expect(client.socket.connected).toBe(true);

    held.open();
    const { message } = await begun;
    expect(message.content).toBe('by a connection');
    const reply = await begunByHttp;
    expect(reply.status).toBe(201);
    expect(await client.disconnected()).toBe('transport close');
    await within('the server has drained', drained);
    await expect(get('/healthz')).rejects.toThrow('ECONNREFUSED');
  });

  test('what was begun and fails is answered too', async () => {
    await using held = await startWithHeldWrites();
    const { app } = held;
    const created = await httpRequest(`${app.url}/api/threads`, { method: 'POST', body: { id: 'a-thread' } });
    expect(created.status).toBe(201);
    const begun = httpRequest(`${app.url}/api/threads/a-thread/messages`, { method: 'POST', body: { content: 'x' } });
    await held.writing;
    const drained = app.server.drain();
    held.fail(new StoreUnavailable('the store is away'));
    const reply = await begun;
    expect(reply.status).toBe(503);
    expect(reply.error.code).toBe('unavailable');
    await within('the server has drained', drained);
  });

  test('text that was taken is stored and answered, but for half of a character whose rest is not taken any more', async () => {
    await using app = await startApp({ drainTimeoutMs: 20_000 });
    await using client = await connectClient(app.url, { user: 'ada' });
    const { thread } = await client.call('create_thread', {});
    const { message } = await client.call('stream_start', { thread_id: thread.id });
    const chunk = (offset: number, delta: string) =>
      client.request('stream_chunk', { stream_id: message.id, offset, delta });
    const answers = [chunk(0, 'first'), chunk(5, ' and'), chunk(9, ' more \uD83D')];
    // One connection's requests are taken in order.
    await client.call('ping', {});

    const drained = app.server.drain();
    for (const taken of answers.slice(0, 2)) expect(await taken).toMatchObject({ ok: true });
    expect(await answers[2]).toMatchObject({ ok: false, error: { code: 'unavailable', stream_id: message.id } });
    expect(await client.disconnected()).toBe('transport close');
    await within('the server has drained', drained);
  });

  test('who opened a connection, and did not get as far as CONNECT, is sent away to come back', async () => {
    await using held = await startWithHeldWrites();
    const { app } = held;
    await using client = await connectClient(app.url);
    const { thread } = await client.call('create_thread', {});
    const begun = client.call('send_message', { thread_id: thread.id, content: 'x' });
    await held.writing;
    await using late = await connectWire(app.url, { connectNamespace: false });
    const drained = app.server.drain();
    late.send('40');
    await late.closing();
    // No session, and no connect_error, after which stock clients give up.
    expect(late.untaken).toEqual([]);
    expect(client.socket.connected).toBe(true);
    held.open();
    await begun;
    await within('the server has drained', drained);
  });

  test('each client is told to come back at a moment of its own', async () => {
    await using app = await startApp();
    const clients = await Promise.all(Array.from({ length: 12 }, () => connectClient(app.url)));
    const drained = app.server.drain();
    const notices = await Promise.all(clients.map((client) => client.next('system_status')));
    for (const notice of notices) {
      expect(notice).toMatchObject({ status: 'draining', retry_after_ms: expect.any(Number) });
      expect(notice.retry_after_ms).toBeGreaterThanOrEqual(0);
      expect(notice.retry_after_ms).toBeLessThanOrEqual(10_000);
    }
    expect(new Set(notices.map(({ retry_after_ms }) => retry_after_ms)).size).toBeGreaterThan(6);
    // The transport closes, not the namespace: stock clients reconnect after the one, not after the other.
    const reasons = await Promise.all(clients.map((client) => client.disconnected()));
    expect(new Set(reasons)).toEqual(new Set(['transport close']));
    await within('the server has drained', drained);
    for (const client of clients) await client[Symbol.asyncDispose]();
  });

  test('what does not end is given up when the time is up', async () => {
    await using held = await startWithHeldWrites({ drainTimeoutMs: 1000 });
    const { app } = held;
    await using client = await connectClient(app.url);
    const { thread } = await client.call('create_thread', {});
    const begun = client
      .request('send_message', { thread_id: thread.id, content: 'x' })
      .catch((error: unknown) => error);
    await held.writing;
    const drained = app.server.drain();
    await within('the connection closes', client.disconnected(), 1500);
    expect(await begun).toMatchObject({ message: expect.stringContaining('the connection closed') });
    held.open();
    await within('the server has drained', drained);
  });
});

test('idle, slow and deaf connections do not hold up the end', async () => {
  await using app = await startApp({ drainTimeoutMs: 4000 });
  const open = async (bytes: string) => {
    const socket = connect(app.server.port, '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    socket.write(bytes);
    return socket;
  };
  const idle = await open('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await once(idle, 'data');
  const slow = await open(
    'POST /api/threads HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"id":',
  );
  const half = await open('GET /api/thr');
  const silent = await open('');
  const key = Buffer.from('sixteen bytes it').toString('base64');
  const deaf = await open(
    `GET /api/ws/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
  );
  await once(deaf, 'data');
  deaf.pause();
  await within('the server has drained', app.server.drain(), 4000);
  for (const socket of [idle, slow, half, silent, deaf]) socket.destroy();
});
