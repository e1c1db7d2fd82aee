import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ResponderError } from '../../server/src/responder/responder.ts';
import type { Responder } from '../../server/src/responder/responder.ts';
import { StoreUnavailable } from '../../server/src/store/thread-store.ts';
import { startApp, storeWith } from '../support/app.ts';
import type { App, LogLine } from '../support/app.ts';
import { connectClient } from '../support/client.ts';
import { eventually } from '../support/eventually.ts';
import { httpRequest } from '../support/http-request.ts';
import { postForm } from '../support/operator.ts';
import { connectWire } from '../support/wire-client.ts';
import { jwtAuth, newThread, tokenFor } from './helpers.ts';

/** In everything that nobody is to read in the log. */
const secret = 'hunter2';
/** What a terminal, or a reader, would be misled by. */
/** Whoever sets it up may choose any. */
const username = 'op\u001B[31m\u009B\u202E';
const nasty = '\u001B[31m\r\n{"level":60}\u0085\u009B\u2028\u202E\u200B\u007F';

/** Answers as the message asks. */
const responder: Responder = async function* ({ content }) {
  yield 'so far';
  if (content.startsWith('fail')) throw new Error(`cannot answer ${content}`);
  if (content.startsWith('explain')) throw new ResponderError(`I cannot say ${content}`);
  JSON.parse(content);
};

/** A server whose store fails as it is told, with errors that repeat what they were given. */
async function startFaulty() {
  const faults = { isAway: false, isBroken: false };
  const fail = (given: unknown): void => {
    const text = `${secret}: cannot store ${JSON.stringify(given)}`;
    if (faults.isAway) throw new StoreUnavailable('the store is away', { cause: new Error(text) });
    if (faults.isBroken) throw Object.assign(new TypeError(text), { document: given, errors: [new Error(text)] });
  };
  const app = await startApp({
    auth: jwtAuth,
    operator: { username, secret: { password: `${secret} correct horse` } },
    responder: { respond: responder, isRepeatable: false },
    ratePerSecond: 0,
    wrapStore: (store) =>
      storeWith(store, {
        ping: async () => (fail('ping'), store.ping()),
        write: async (ops) => (fail(ops), store.write(ops)),
        histories: async (...args) => (fail(args), store.histories(...args)),
        threads: async (ids) => (fail(ids), store.threads(ids)),
        listThreads: async (...args) => (fail(args), store.listThreads(...args)),
      }),
  });
  return { app, faults };
}

describe('at the level trace, whatever people send and whatever fails', () => {
  let app: App;
  let token: string;
  let wrongToken: string;
  /** How many requests there were of each kind, at least. */
  const said = (msg: string): LogLine[] => app.logs.filter((line) => line.msg === msg);

  beforeAll(async () => {
    const started = await startFaulty();
    app = started.app;
    const { faults } = started;
    token = await tokenFor('ada', 'agent');
    wrongToken = `${token.slice(0, -6)}${secret}`;
    await useSockets(faults);
    await useHttp(faults);
    await useAsOperator();
  }, 60_000);
  afterAll(async () => app[Symbol.asyncDispose]());

  async function useSockets(faults: { isAway: boolean; isBroken: boolean }): Promise<void> {
    const wrongs = [
      { token: wrongToken },
      { token: `${secret}.${secret}.${secret}` },
      { token, [secret + nasty]: secret },
      { token, client: { name: secret + nasty, version: 7 } },
      { token, protocol_version: 9 },
    ];
    for (const auth of wrongs) {
      await expect(connectClient(app.url, { auth, headers: { Cookie: `c=${secret}` } })).rejects.toThrow('refused');
    }
    const client = await connectClient(app.url, {
      auth: { token, client: { name: secret, version: `${secret}${nasty}` } },
      headers: { Cookie: `threadwire=${secret}`, Authorization: `Bearer ${secret}` },
    });
    await client.request('reauth', { token: wrongToken });
    await client.call('reauth', { token });
    const title = `${secret}${nasty}`;
    const metadata = { secret, [secret]: title, responder: { overlap: 'concurrent' } };
    const { id: thread_id } = await newThread(client, { title, metadata });
    await client.call('subscribe_thread', { thread_id });
    for (const content of ['fail', 'explain', 'malformed']) {
      await client.call('send_message', { thread_id, content: `${content} ${secret}${nasty}`, metadata });
      await client.next('stream_end');
    }
    const { message } = await client.call('stream_start', { thread_id, metadata });
    const stream = { stream_id: message.id };
    await client.call('stream_chunk', { ...stream, offset: 0, delta: `${secret}${nasty}` });
    await client.request('stream_chunk', { ...stream, offset: 999, delta: secret });
    await client.call('stream_cancel', { ...stream, reason: `${secret}${nasty}` });
    await client.request('stream_end', { ...stream, offset: 0, status: 'failed', error: `${secret}${nasty}` });

    const payload = { thread_id, content: secret, [secret + nasty]: secret };
    await client.requestRaw('send_message', [payload]);
    await client.requestRaw('send_message', [{ ...payload, message_id: `${secret}${nasty}` }]);
    await client.requestRaw('send_message', [secret, secret]);
    await client.requestRaw(`${secret}${nasty}`, [{ secret }]);
    client.send(`${secret}${nasty}`, secret);
    await client.next('error');
    for (const fault of ['isBroken', 'isAway'] as const) {
      faults[fault] = true;
      await client.request('send_message', { thread_id, content: secret });
      await client.request('fetch_history', { thread_id });
      await client.request('list_threads', { cursor: secret });
      await eventually('the store is looked at', () => said('the store is away').length > 0);
      faults[fault] = false;
    }
    await eventually('the store is back', () => said('the store is back').length > 0);
    client.socket.disconnect();

    await using wire = await connectWire(app.url, { auth: { token } });
    wire.send(`42["send_message",{"content":"${secret}"`);
    await wire.event('error');
    wire.send(`42["connect","${secret}"]`);
    await wire.closing();
  }

  async function useHttp(faults: { isAway: boolean; isBroken: boolean }): Promise<void> {
    const headers = {
      Authorization: `Bearer ${token}`,
      Cookie: `session=${secret}`,
      'User-Agent': secret,
      'X-Request-Id': secret,
      'Content-Type': 'application/json',
    };
    const post = (path: string, body: string, others: Record<string, string> = {}) =>
      httpRequest(`${app.url}${path}`, { method: 'POST', headers: { ...headers, ...others }, body });
    const { json } = await post('/api/threads', JSON.stringify({ title: secret }));
    const { id } = (json as { thread: { id: string } }).thread;
    const text = { 'Content-Type': 'text/plain' };
    const statuses = [
      await post(`/api/threads/${id}/messages`, JSON.stringify({ content: `${secret}${nasty}` })),
      await post(`/api/threads/${id}/messages`, `{"content":"${secret}`),
      await post(`/api/threads/${id}/messages?token=${secret}`, '{}'),
      await post(`/api/threads/${id}/stream`, `${secret} as a body`, text),
      await post(`/api/threads/${id}/stream?message_id=${secret}%0A`, secret, text),
      await post(`/api/threads/${secret}%1B%5B31m/messages`, '{}'),
      await post(`/${secret}/%E2%80%AE?${secret}`, '{}'),
      await post('/api/threads', '{}', { Authorization: `Bearer ${wrongToken}` }),
      await post('/api/threads', '{}', { Authorization: `Basic ${secret}` }),
      await post('/api/threads', '{}', { Origin: `http://${secret}.example` }),
    ].map(({ status }) => status);
    expect(statuses).toEqual([201, 400, 400, 200, 400, 400, 404, 401, 401, 403]);
    const failed: number[] = [];
    for (const fault of ['isBroken', 'isAway'] as const) {
      faults[fault] = true;
      failed.push((await post(`/api/threads/${id}/messages`, JSON.stringify({ content: secret }))).status);
      failed.push((await httpRequest(`${app.url}/api/threads/${id}`, { headers })).status);
      faults[fault] = false;
    }
    expect(failed).toEqual([500, 500, 503, 503]);
  }

  async function useAsOperator(): Promise<void> {
    const wrong = { username: `eve ${secret}`, password: `${secret} guessed` };
    expect((await postForm(app, '/admin/login', wrong)).status).toBe(401);
    const right = { username, password: `${secret} correct horse` };
    expect((await postForm(app, `/admin/login?password=${secret}`, right)).status).toBe(303);
    await postForm(app, '/admin/login', { username, [secret]: secret });
  }

  test('no line holds what is secret', () => {
    const text = app.printed.join('');
    expect(app.printed.length).toBeGreaterThan(40);
    for (const hidden of [secret, ...token.split('.'), 'so far']) expect(text).not.toContain(hidden);
  });

  test('every line is one JSON object in visible characters', () => {
    for (const line of app.printed) {
      expect(line).toMatch(/^\{[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]*\}\n$/u);
      expect(JSON.parse(line)).toMatchObject({
        level: expect.any(Number),
        time: expect.any(String),
        msg: expect.any(String),
      });
    }
    // It came through, for those who look for it.
    const names = said('an operator acted').map(({ audit }) => (audit as { operator: string }).operator);
    expect(names).toEqual(expect.arrayContaining([username, '']));
  });

  test('every line about a request or a connection says which one; the others are about the node', () => {
    const others = app.logs.filter((line) => !('request_id' in line) && !('client_id' in line));
    expect(new Set(others.map(({ msg }) => msg))).toEqual(
      new Set(['a batch failed', 'a responder failed', 'an operator acted', 'the store is away', 'the store is back']),
    );
    for (const { request_id: requestId, client_id: clientId } of app.logs) {
      const id = requestId ?? clientId;
      if (id !== undefined) expect(id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    }
  });

  test('refusals are told by event and code, made-up events without their names', () => {
    const refusals = said('request refused').filter((line) => 'client_id' in line);
    const told = refusals.map(({ event, code }) => `${event as string} ${code as string}`);
    expect(new Set(told)).toEqual(
      new Set([
        'reauth unauthenticated',
        'stream_chunk stream_conflict',
        'stream_end stream_closed',
        'send_message invalid_payload',
        'send_message unavailable',
        'fetch_history unavailable',
        'list_threads invalid_payload',
        'unknown unknown_event',
      ]),
    );
    expect(said('CONNECT refused').map(({ code }) => code)).toEqual([
      'unauthenticated',
      'unauthenticated',
      'invalid_payload',
      'invalid_payload',
      'protocol_mismatch',
    ]);
  });

  test('faults are errors with their kind and place', () => {
    const failed = said('request failed');
    expect(failed.map(({ event }) => event)).toEqual(['send_message', 'fetch_history', 'send_message', 'get_thread']);
    for (const { level, err } of failed) {
      expect(level).toBe(50);
      expect(err).toEqual({
        type: 'TypeError',
        stack: expect.arrayContaining([expect.stringMatching(/logs\.test\.ts:\d+:\d+/)]),
      });
    }
    expect(said('a responder failed').map(({ err }) => (err as { type: string }).type)).toEqual([
      'Error',
      'SyntaxError',
    ]);
  });
});

test('what is logged of an HTTP request has the id that its answer has, not the one that it came with', async () => {
  await using app = await startApp();
  const headers = { 'X-Request-Id': 'mine' };
  const ok = await httpRequest(`${app.url}/api/threads`, { headers });
  const refused = await httpRequest(`${app.url}/api/threads/none`, { headers });
  const ids = [ok, refused].map((reply) => reply.headers['x-request-id']);
  await eventually('both are told', () => app.logs.filter(({ msg }) => msg === 'request answered').length === 2);
  const lines = app.logs.filter((line) => 'request_id' in line);
  expect(lines).toMatchObject([
    { request_id: ids[0], msg: 'request answered', method: 'GET', event: 'list_threads', status: 200 },
    { request_id: ids[1], msg: 'request refused', event: 'get_thread', code: 'thread_not_found' },
    { request_id: ids[1], msg: 'request answered', method: 'GET', event: 'get_thread', status: 404 },
  ]);
  expect(new Set(ids).size).toBe(2);
});

test('what is logged of a connection has the id that its session has', async () => {
  await using app = await startApp();
  await using client = await connectClient(app.url, { user: 'ada' });
  await client.request('fetch_history', { thread_id: 'none' });
  const { client_id: clientId } = client.session;
  client.socket.disconnect();
  await eventually('it is gone', () => app.logs.some(({ msg }) => msg === 'disconnected'));
  expect(app.logs).toMatchObject([
    { client_id: clientId, msg: 'connected', user_id: 'ada' },
    { client_id: clientId, msg: 'request refused', event: 'fetch_history', code: 'thread_not_found' },
    { client_id: clientId, msg: 'disconnected', reason: 'client namespace disconnect' },
  ]);
});
