import { randomUUID } from 'node:crypto';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { errorObjectSchema, sessionSchema } from '@threadwire/protocol';
import type { ErrorObject, Message, Thread } from '@threadwire/protocol';
import { SignJWT, UnsecuredJWT, exportJWK, exportSPKI, generateKeyPair } from 'jose';
import { startApp } from '../support/app.ts';
import type { App, AppOptions } from '../support/app.ts';
import { ConnectRefused, connectClient } from '../support/client.ts';
import type { ClientOptions, TestClient } from '../support/client.ts';
import { eventually, within } from '../support/eventually.ts';
import { httpRequest } from '../support/http-request.ts';
import type { RequestOptions } from '../support/http-request.ts';
import { claimsOf, jwtSecret, tokenFor } from '../support/tokens.ts';
import type { TokenOptions } from '../support/tokens.ts';
import { connectWire } from '../support/wire-client.ts';

const secretAuth = { mode: 'jwt', key: { secret: jwtSecret } } as const;

/** The error object of a handshake that is refused. */
async function refusal(url: string, options: ClientOptions): Promise<ErrorObject> {
  try {
    await using client = await connectClient(url, options);
    throw new Error(`${client.session.user.id} was let in`);
  } catch (error) {
    if (!(error instanceof ConnectRefused) || !error.data) throw error;
    return errorObjectSchema.strict().parse(error.data);
  }
}

/** An HTTP request with this token. */
function withToken(url: string, token: string, options: RequestOptions = {}) {
  return httpRequest(url, { ...options, headers: { Authorization: `Bearer ${token}`, ...options.headers } });
}

describe('in anonymous mode', () => {
  let app: App;
  beforeAll(async () => {
    app = await startApp();
  });
  afterAll(async () => app[Symbol.asyncDispose]());

  test('the session says who one is, where, and what is allowed', async () => {
    await using client = await connectClient(app.url, { user: 'ada' });
    const session = sessionSchema.strict().parse(client.session);
    expect(session).toMatchObject({
      user: { id: 'ada' },
      protocol_version: 1,
      limits: {
        max_content_bytes: 65_536,
        max_frame_bytes: 1_048_576,
        max_subscriptions: 1000,
        max_history_page: 200,
        rate_per_second: 50,
      },
    });
    expect(session).not.toHaveProperty('expires_at');
    await using other = await connectClient(app.url, { user: 'ada' });
    expect(other.session.server_id).toBe(session.server_id);
    expect(other.session.client_id).not.toBe(session.client_id);
  });

  test('the session comes before everything else', async () => {
    await using client = await connectWire(app.url);
    client.emit('ping', {});
    expect(await client.next()).toMatch(/^42\["session",/);
  });

  test('its limits are those that the server was started with', async () => {
    await using other = await startApp({ ratePerSecond: 7, maxSubscriptions: 3 });
    await using client = await connectClient(other.url);
    expect(client.session.limits).toMatchObject({ rate_per_second: 7, max_subscriptions: 3 });
  });

  test('who gives no name is somebody new on each connection', async () => {
    await using first = await connectClient(app.url);
    await using second = await connectClient(app.url);
    expect(first.session.user.id).toMatch(/^anon-[A-Za-z0-9_-]{8,}$/);
    expect(second.session.user.id).toMatch(/^anon-[A-Za-z0-9_-]{8,}$/);
    expect(first.session.user.id).not.toBe(second.session.user.id);
  });

  test('everybody has the scope agent, nobody admin', async () => {
    await using ada = await connectClient(app.url, { user: 'ada' });
    await using bob = await connectClient(app.url, { user: 'bob' });
    const { thread } = await ada.call('create_thread', { members: [] });
    const { message } = await ada.call('send_message', { thread_id: thread.id, content: 'x', role: 'assistant' });
    expect(message.role).toBe('assistant');
    const edit = await bob.request('edit_message', { thread_id: thread.id, id: message.id, content: 'y' });
    expect(edit).toMatchObject({ ok: false, error: { code: 'forbidden' } });
    const hidden = await ada.call('create_thread', { members: ['ada'] });
    const fetched = await bob.request('fetch_history', { thread_id: hidden.thread.id });
    expect(fetched).toMatchObject({ ok: false, error: { code: 'thread_not_found' } });
  });

  test('what else a client may say of itself is taken', async () => {
    const auth = { user: 'ada', client: { name: 'test', version: '1.0' }, protocol_version: 1, token: 'not looked at' };
    await using client = await connectClient(app.url, { auth });
    expect(client.session.user).toEqual({ id: 'ada' });
  });

  test('reauth has nothing to do', async () => {
    await using client = await connectClient(app.url, { user: 'ada' });
    expect(await client.call('reauth', { token: 'any' })).toEqual({ user: { id: 'ada' } });
  });

  const malformed: Record<string, unknown>[] = [
    { token: 5 },
    { token: null },
    { user: 'a b' },
    { user: '' },
    { user: 'x'.repeat(65) },
    { user: ['ada'] },
    { user: { $ne: '' } },
    { client: { name: 'test' } },
    { client: { name: 'test', version: 1 } },
    { client: { name: 'test', version: '1', more: 1 } },
    { client: 'test' },
    { protocol_version: '1' },
    { protocol_version: 1.5 },
    { colour: 'red' },
    { constructor: {} },
  ];

  test.each(malformed)('the auth object %j is malformed: invalid_payload', async (auth) => {
    const error = await refusal(app.url, { auth });
    expect(error).toMatchObject({ code: 'invalid_payload', retry: 'never' });
    expect(error.details!.issues![0]!.path.split('.')[0]).toBe(Object.keys(auth)[0]);
  });

  test('so is one that names __proto__', async () => {
    await using client = await connectWire(app.url, { connectNamespace: false });
    client.send('40{"user":"ada","__proto__":{"user":"eve"}}');
    expect(await client.nextText('44')).toContain('"invalid_payload"');
  });

  test.each(['"text"', '-5', 'null', 'true', '[]', '[{"user":"ada"}]', '{', '{"user":', '}'])(
    'so is the CONNECT payload %s, which is no object',
    async (payload) => {
      await using client = await connectWire(app.url, { connectNamespace: false });
      client.send(`40${payload}`);
      const { data } = JSON.parse(await client.nextText('44')) as { data: ErrorObject };
      expect(errorObjectSchema.strict().parse(data)).toMatchObject({ code: 'invalid_payload', retry: 'never' });
      // It may do better on the same connection.
      client.send('40{"user":"ada"}');
      expect(await client.event('session')).toMatchObject({ user: { id: 'ada' } });
    },
  );

  test('a CONNECT without a payload is one without wishes', async () => {
    await using client = await connectWire(app.url, { connectNamespace: false });
    client.send('40');
    expect(await client.event('session')).toMatchObject({ user: { id: expect.stringMatching(/^anon-/) } });
  });

  test.each([0, 2, 100, -1])('protocol version %s is not spoken here: protocol_mismatch, fatal', async (version) => {
    const error = await refusal(app.url, { auth: { user: 'ada', protocol_version: version } });
    expect(error).toMatchObject({ code: 'protocol_mismatch', retry: 'never', fatal: true });
  });

  test('which closes the connection next', async () => {
    await using client = await connectWire(app.url, { connectNamespace: false });
    client.send('40{"protocol_version":2}');
    expect(JSON.parse(await client.nextText('44'))).toMatchObject({ data: { code: 'protocol_mismatch' } });
    await client.closing();
    expect(client.untaken).toEqual([]);
  });
});

describe('in token mode', () => {
  let app: App;
  beforeAll(async () => {
    app = await startApp({ auth: { ...secretAuth, issuer: 'https://issuer.example', audience: 'threadwire' } });
  });
  afterAll(async () => app[Symbol.asyncDispose]());

  const goodClaims = { iss: 'https://issuer.example', aud: ['other', 'threadwire'] };
  const good = (user: string, options: TokenOptions = {}) =>
    tokenFor(user, { ...options, claims: { ...goodClaims, ...options.claims } });

  test('the session says whom the token names, and until when', async () => {
    const expiresAt = Math.floor(Date.now() / 1000 + 600) * 1000;
    await using client = await connectClient(app.url, { token: await good('ada', { name: 'Ada L.', expiresAt }) });
    expect(sessionSchema.strict().parse(client.session)).toMatchObject({
      user: { id: 'ada', name: 'Ada L.' },
      expires_at: new Date(expiresAt).toISOString(),
    });
  });

  test('the name goes with what the user sends', async () => {
    await using client = await connectClient(app.url, { token: await good('ada', { name: 'Ada L.' }) });
    const { thread } = await client.call('create_thread', {});
    const { message } = await client.call('send_message', { thread_id: thread.id, content: 'x' });
    expect(message.sender).toEqual({ id: 'ada', name: 'Ada L.' });
    const url = `${app.url}/api/threads/${thread.id}/messages`;
    const token = await good('ada', { name: 'Ada Lovelace' });
    const reply = await withToken(url, token, { method: 'POST', body: { content: 'x' } });
    // What was sent before keeps the name that it was sent under.
    const { messages } = await client.call('fetch_history', { thread_id: thread.id });
    expect(messages).toEqual([message, (reply.json as { message: Message }).message]);
    expect(messages[1]!.sender).toEqual({ id: 'ada', name: 'Ada Lovelace' });
  });

  test('a user that the client gives does not count', async () => {
    await using client = await connectClient(app.url, { user: 'eve', token: await good('ada') });
    expect(client.session.user.id).toBe('ada');
    const headers = { 'X-Threadwire-User': 'eve' };
    const reply = await withToken(`${app.url}/api/threads`, await good('ada'), { method: 'POST', body: {}, headers });
    expect(reply.json).toMatchObject({ thread: { created_by: 'ada' } });
  });

  const bad: { [what: string]: () => Promise<string> | string } = {
    'that is none': () => 'not.a.token',
    'of another secret': () => good('ada', { secret: 'another secret of thirty-two bytes!' }),
    'with another HMAC': () => good('ada', { algorithm: 'HS512' }),
    'without a signature': () => new UnsecuredJWT(claimsOf('ada', { claims: goodClaims })).encode(),
    'without sub': () => good('', { claims: { sub: undefined } as never }),
    'whose sub is no user id': () => good('a b'),
    'whose sub is too long': () => good('x'.repeat(65)),
    'without exp': () => good('ada', { claims: { exp: undefined } as never }),
    'whose exp is text': () => good('ada', { claims: { exp: '9999999999' } as never }),
    'that holds only later': () => good('ada', { claims: { nbf: Math.floor(Date.now() / 1000) + 600 } }),
    'of another issuer': () => good('ada', { claims: { iss: 'https://evil.example' } }),
    'for another audience': () => good('ada', { claims: { aud: 'another' } }),
    'without an audience': () => good('ada', { claims: { aud: undefined } as never }),
    'whose claims were changed': async () => {
      const [header, , signature] = (await good('ada')).split('.');
      const claims = Buffer.from(JSON.stringify(claimsOf('eve', { claims: goodClaims }))).toString('base64url');
      return `${header}.${claims}.${signature}`;
    },
  };

  test.each(Object.keys(bad))('a token %s: unauthenticated', async (what) => {
    const token = await bad[what]!();
    expect(await refusal(app.url, { token })).toMatchObject({ code: 'unauthenticated', retry: 'reauth' });
    const reply = await withToken(`${app.url}/api/threads`, token);
    expect(reply.status).toBe(401);
    expect(reply.error).toMatchObject({ code: 'unauthenticated', retry: 'reauth' });
  });

  test.each([{}, { token: '' }])('no token, as %j: unauthenticated', async (auth) => {
    expect(await refusal(app.url, { auth })).toMatchObject({ code: 'unauthenticated', retry: 'reauth' });
    for (const value of ['', 'Bearer', 'Bearer ', `Basic ${await good('ada')}`, await good('ada')]) {
      const reply = await httpRequest(`${app.url}/api/threads`, { headers: { Authorization: value } });
      expect({ value, status: reply.status }).toEqual({ value, status: 401 });
    }
  });

  test('a token that ran out: token_expired', async () => {
    const token = await good('ada', { expiresAt: Date.now() - 2000 });
    expect(await refusal(app.url, { token })).toMatchObject({ code: 'token_expired', retry: 'reauth' });
    const reply = await withToken(`${app.url}/api/threads`, token);
    expect(reply.status).toBe(401);
    expect(reply.error).toMatchObject({ code: 'token_expired', retry: 'reauth' });
  });

  test('a token that ran out and does not hold anyway: unauthenticated', async () => {
    const token = await good('ada', { expiresAt: Date.now() - 2000, secret: 'another secret of thirty-two bytes!' });
    expect(await refusal(app.url, { token })).toMatchObject({ code: 'unauthenticated' });
  });

  test('the scheme is written in any case', async () => {
    const headers = { Authorization: `bEARER ${await good('ada')}` };
    expect((await httpRequest(`${app.url}/api/threads`, { headers })).status).toBe(200);
  });

  test('malformed auth objects: invalid_payload, also with a good token', async () => {
    const token = await good('ada');
    expect(await refusal(app.url, { auth: { token, colour: 'red' } })).toMatchObject({ code: 'invalid_payload' });
    expect(await refusal(app.url, { auth: { token, protocol_version: 2 } })).toMatchObject({
      code: 'protocol_mismatch',
    });
  });

  test('who is refused may try again on the same connection, with a better token', async () => {
    await using client = await connectWire(app.url, { connectNamespace: false });
    client.send('40{"token":"not.a.token"}');
    expect(JSON.parse(await client.nextText('44'))).toMatchObject({ data: { code: 'unauthenticated' } });
    client.send(`40${JSON.stringify({ token: await good('ada') })}`);
    expect(await client.event('session')).toMatchObject({ user: { id: 'ada' } });
  });

  test('who is refused cannot do anything', async () => {
    await using client = await connectWire(app.url, { connectNamespace: false });
    client.send('40{"token":"not.a.token"}');
    await client.nextText('44');
    client.emit('create_thread', { id: 'unseen' });
    await client.closing();
    expect(client.untaken).toEqual([]);
    expect((await withToken(`${app.url}/api/threads/unseen`, await good('ada'))).status).toBe(404);
  });

  test('tokens are nowhere in the log', async () => {
    const token = await good('ada');
    await using client = await connectClient(app.url, { token });
    await client.call('reauth', { token });
    await withToken(`${app.url}/api/threads`, token);
    await refusal(app.url, { token: `${token}x` });
    expect(app.logs.length).toBeGreaterThan(0);
    const signature = token.split('.')[2]!;
    expect(JSON.stringify(app.logs)).not.toContain(signature);
  });
});

describe('scopes', () => {
  let app: App;
  beforeAll(async () => {
    app = await startApp({ auth: secretAuth, ratePerSecond: 0 });
  });
  afterAll(async () => app[Symbol.asyncDispose]());

  const people = { ada: '', bob: 'read write', robot: 'agent', root: 'admin' } as const;
  type Person = keyof typeof people;

  async function connect(person: Person): Promise<TestClient> {
    return connectClient(app.url, { token: await tokenFor(person, { scope: people[person] }) });
  }

  async function http(person: Person, method: string, path: string, body?: object) {
    const token = await tokenFor(person, { scope: people[person] });
    return withToken(`${app.url}${path}`, token, { method, ...(body && { body }) });
  }

  const forbidden = { ok: false, error: { code: 'forbidden', retry: 'never' } };
  const notFound = { ok: false, error: { code: 'thread_not_found', retry: 'never' } };
  const ok = { ok: true };

  test('a role other than user needs the scope agent', async () => {
    await using ada = await connect('ada');
    const { thread } = await ada.call('create_thread', {});
    for (const [person, answer, status] of [
      ['ada', forbidden, 403],
      ['bob', forbidden, 403],
      ['robot', ok, 201],
      ['root', ok, 201],
    ] as const) {
      await using client = await connect(person);
      for (const role of ['assistant', 'system', 'tool'] as const) {
        const request = { thread_id: thread.id, content: 'x', role };
        expect(await client.request('send_message', request)).toMatchObject(answer);
        const reply = await http(person, 'POST', `/api/threads/${thread.id}/messages`, { content: 'x', role });
        expect({ person, role, status: reply.status }).toEqual({ person, role, status });
      }
      const asUser = { thread_id: thread.id, content: 'x', role: 'user' } as const;
      expect(await client.request('send_message', asUser)).toMatchObject(ok);
    }
  });

  test('threads that one may see are those that are open, one is a member of, or made oneself', async () => {
    await using ada = await connect('ada');
    const open = await ada.call('create_thread', {});
    const shared = await ada.call('create_thread', { members: ['bob'] });
    const secret = await ada.call('create_thread', { members: ['carol'] });
    for (const [person, thread, answer] of [
      ['ada', open, ok],
      ['ada', shared, ok],
      ['ada', secret, ok],
      ['bob', open, ok],
      ['bob', shared, ok],
      ['bob', secret, notFound],
      ['robot', open, ok],
      ['robot', shared, notFound],
      ['root', secret, ok],
    ] as const) {
      await using client = await connect(person);
      const { id } = thread.thread;
      expect(await client.request('fetch_history', { thread_id: id })).toMatchObject(answer);
      expect(await client.request('subscribe_thread', { thread_id: id })).toMatchObject(answer);
      expect(await client.request('send_message', { thread_id: id, content: 'x' })).toMatchObject(answer);
      expect((await http(person, 'GET', `/api/threads/${id}`)).status).toBe(answer.ok ? 200 : 404);
      const { threads } = await client.call('list_threads', { limit: 100 });
      expect(threads.some((each) => each.id === id)).toBe(answer.ok);
    }
  });

  test('only its creator and an admin change a thread', async () => {
    await using ada = await connect('ada');
    const { thread } = await ada.call('create_thread', { members: ['bob', 'robot'] });
    for (const [person, answer, status] of [
      ['bob', forbidden, 403],
      ['robot', forbidden, 403],
      ['ada', ok, 200],
      ['root', ok, 200],
    ] as const) {
      await using client = await connect(person);
      const update = { thread_id: thread.id, title: `by ${person}` };
      expect(await client.request('update_thread', update)).toMatchObject(answer);
      const reply = await http(person, 'PATCH', `/api/threads/${thread.id}`, { title: `by ${person}, by HTTP` });
      expect({ person, status: reply.status }).toEqual({ person, status });
    }
    expect((await ada.call('fetch_history', { thread_id: thread.id })).thread.title).toBe('by root, by HTTP');
  });

  test('only its sender and an admin edit and delete a message', async () => {
    await using ada = await connect('ada');
    const { thread } = await ada.call('create_thread', {});
    const path = `/api/threads/${thread.id}/messages`;
    for (const [person, answer, status] of [
      ['bob', forbidden, 403],
      ['robot', forbidden, 403],
      ['ada', ok, 200],
      ['root', ok, 200],
    ] as const) {
      await using client = await connect(person);
      const { message } = await ada.call('send_message', { thread_id: thread.id, content: 'x' });
      const named = { thread_id: thread.id, id: message.id };
      expect(await client.request('edit_message', { ...named, content: person })).toMatchObject(answer);
      expect((await http(person, 'PATCH', `${path}/${message.id}`, { content: 'http' })).status).toBe(status);
      expect((await http(person, 'DELETE', `${path}/${message.id}`)).status).toBe(status);
      expect(await client.request('delete_message', named)).toMatchObject(answer);
    }
  });

  test('what an admin edits stays by its sender', async () => {
    await using ada = await connect('ada');
    await using root = await connect('root');
    const { thread } = await ada.call('create_thread', { members: ['ada'] });
    const { message } = await ada.call('send_message', { thread_id: thread.id, content: 'x' });
    const edited = await root.call('edit_message', { thread_id: thread.id, id: message.id, content: 'moderated' });
    expect(edited.message.sender).toEqual({ id: 'ada' });
  });

  test('a scope is a whole word', async () => {
    for (const scope of ['administrator', 'user:admin', 'agents', 'ADMIN', 'xadmin']) {
      await using ada = await connect('ada');
      const { thread } = await ada.call('create_thread', {});
      const token = await tokenFor('mallory', { scope });
      await using client = await connectClient(app.url, { token });
      const request = { thread_id: thread.id, content: 'x', role: 'assistant' } as const;
      expect(await client.request('send_message', request)).toMatchObject(forbidden);
      expect(await client.request('update_thread', { thread_id: thread.id, title: 'x' })).toMatchObject(forbidden);
    }
  });

  test('a scope that is no text gives no rights', async () => {
    const token = await tokenFor('mallory', { claims: { scope: ['admin'] } });
    await using client = await connectClient(app.url, { token });
    const { thread } = await client.call('create_thread', {});
    const request = { thread_id: thread.id, content: 'x', role: 'tool' } as const;
    expect(await client.request('send_message', request)).toMatchObject(forbidden);
  });
});

/** An app in token mode whose clock the test moves. */
async function startWithClock(options: AppOptions = {}) {
  const clock = { now: Math.floor(Date.now() / 1000) * 1000 };
  const app = await startApp({ auth: secretAuth, now: () => clock.now, ...options });
  return { app, clock, [Symbol.asyncDispose]: () => app[Symbol.asyncDispose]() };
}

describe('reauth', () => {
  test('with a newer token of the same user: it holds from now on', async () => {
    await using started = await startWithClock();
    const { app, clock } = started;
    const expiresAt = clock.now + 60_000;
    await using client = await connectClient(app.url, { token: await tokenFor('ada', { expiresAt }) });
    const later = clock.now + 120_000;
    const token = await tokenFor('ada', { expiresAt: later, name: 'Ada L.', scope: 'agent' });
    expect(await client.call('reauth', { token })).toEqual({
      user: { id: 'ada', name: 'Ada L.' },
      expires_at: new Date(later).toISOString(),
    });
    const { thread } = await client.call('create_thread', {});
    const request = { thread_id: thread.id, content: 'x', role: 'assistant' } as const;
    expect((await client.call('send_message', request)).message.sender).toEqual({ id: 'ada', name: 'Ada L.' });
  });

  test('of another user: forbidden, and nothing changes', async () => {
    await using started = await startWithClock();
    await using client = await connectClient(started.app.url, { token: await tokenFor('ada') });
    const answer = await client.request('reauth', { token: await tokenFor('eve', { scope: 'admin' }) });
    expect(answer).toMatchObject({ ok: false, error: { code: 'forbidden', event: 'reauth' } });
    expect(answer).not.toHaveProperty('error.fatal');
    const { thread } = await client.call('create_thread', {});
    expect(thread.created_by).toBe('ada');
  });

  test('with a token that does not hold: unauthenticated, not fatal, and nothing changes', async () => {
    await using started = await startWithClock();
    await using client = await connectClient(started.app.url, { token: await tokenFor('ada') });
    for (const token of ['', 'not.a.token', await tokenFor('ada', { secret: 'another secret of thirty-two bytes!' })]) {
      const answer = await client.request('reauth', { token });
      expect(answer).toMatchObject({ ok: false, error: { code: 'unauthenticated', retry: 'reauth' } });
      expect(answer).not.toHaveProperty('error.fatal');
    }
    client.send('reauth', { token: 'not.a.token' });
    expect(await client.next('error')).toMatchObject({ code: 'unauthenticated', event: 'reauth' });
    expect(await client.call('ping', {})).toHaveProperty('server_time');
  });

  test('with a token that ran out: refused, not fatal', async () => {
    await using started = await startWithClock();
    const { app, clock } = started;
    await using client = await connectClient(app.url, { token: await tokenFor('ada') });
    const answer = await client.request('reauth', { token: await tokenFor('ada', { expiresAt: clock.now - 1000 }) });
    expect(answer).toMatchObject({ ok: false, error: { retry: 'reauth' } });
    expect(answer).not.toHaveProperty('error.fatal');
    expect(await client.call('ping', {})).toHaveProperty('server_time');
  });

  test('without the scope it had: what that opened is closed', async () => {
    await using started = await startWithClock();
    const { app } = started;
    await using ada = await connectClient(app.url, { token: await tokenFor('ada') });
    await using root = await connectClient(app.url, { token: await tokenFor('root', { scope: 'admin' }) });
    const hidden = (await ada.call('create_thread', { members: ['ada'] })).thread;
    const open = (await ada.call('create_thread', {})).thread;
    await root.call('subscribe_threads', { threads: [{ thread_id: hidden.id }, { thread_id: open.id }] });
    await root.call('reauth', { token: await tokenFor('root') });
    expect(await root.next('error')).toMatchObject({ code: 'forbidden', thread_id: hidden.id });
    await ada.call('send_message', { thread_id: hidden.id, content: 'secret' });
    await ada.call('send_message', { thread_id: open.id, content: 'marker' });
    expect(await root.drainUntil('thread_message', ({ content }) => content === 'marker')).toEqual([]);
  });
});

describe('a token that runs out while it is used', () => {
  test('ends the connection: token_expired, fatal, and stock clients do not come back by themselves', async () => {
    await using started = await startWithClock();
    const { app, clock } = started;
    const token = await tokenFor('ada', { expiresAt: clock.now + 60_000 });
    await using client = await connectClient(app.url, { token, socketOptions: { reconnection: true } });
    clock.now += 59_999;
    expect(await client.call('ping', {})).toHaveProperty('server_time');
    clock.now += 1;
    expect(await client.next('error')).toMatchObject({ code: 'token_expired', retry: 'reauth', fatal: true });
    expect(await client.disconnected()).toBe('io server disconnect');
    expect(client.socket.active).toBe(false);
  });

  test('no longer lets anything through', async () => {
    await using started = await startWithClock();
    const { app, clock } = started;
    await using keeper = await connectClient(app.url, { token: await tokenFor('keeper') });
    const { thread } = await keeper.call('create_thread', {});
    const token = await tokenFor('ada', { expiresAt: clock.now + 60_000 });
    await using client = await connectClient(app.url, { token });
    clock.now += 60_000;
    const answer = await client
      .request('send_message', { thread_id: thread.id, content: 'too late' })
      .catch((error: unknown) => error);
    if (answer instanceof Error) expect(answer.message).toContain('the connection closed');
    else expect(answer).toMatchObject({ ok: false, error: { code: 'token_expired' } });
    expect((await withToken(`${app.url}/api/threads`, token)).error.code).toBe('token_expired');
    await client.disconnected();
    expect((await keeper.call('fetch_history', { thread_id: thread.id })).head_seq).toBe(0);
  });

  test('unless reauth came first', async () => {
    await using started = await startWithClock();
    const { app, clock } = started;
    const token = await tokenFor('ada', { expiresAt: clock.now + 60_000 });
    await using renewed = await connectClient(app.url, { token });
    await using left = await connectClient(app.url, { token });
    await renewed.call('reauth', { token: await tokenFor('ada', { expiresAt: clock.now + 600_000 }) });
    clock.now += 60_000;
    // The other connection shows that the server has looked.
    await left.disconnected();
    expect(await renewed.call('ping', {})).toHaveProperty('server_time');
    expect(renewed.buffered).toEqual([]);
    clock.now += 540_000;
    expect(await renewed.next('error')).toMatchObject({ code: 'token_expired', fatal: true });
    await renewed.disconnected();
  });
});

/** A server of public keys, which can be away. */
async function startKeyServer() {
  const pair = await generateKeyPair('ES256');
  const kid = randomUUID();
  const keys = [{ ...(await exportJWK(pair.publicKey)), kid, alg: 'ES256', use: 'sig' }];
  const state = { isAway: false, requests: 0 };
  const server = createHttpServer((_request, response) => {
    state.requests++;
    response.writeHead(state.isAway ? 503 : 200, { 'Content-Type': 'application/json', Connection: 'close' });
    response.end(JSON.stringify(state.isAway ? {} : { keys }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    state,
    jwksUrl: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`),
    publicKey: pair.publicKey,
    sign: (user: string, header: object = {}) =>
      new SignJWT(claimsOf(user)).setProtectedHeader({ alg: 'ES256', kid, ...header }).sign(pair.privateKey),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe('with keys from a JWKS', () => {
  test('a token that one of them signed lets in, another does not', async () => {
    await using keys = await startKeyServer();
    await using app = await startApp({ auth: { mode: 'jwt', key: { jwksUrl: keys.jwksUrl } } });
    await using client = await connectClient(app.url, { token: await keys.sign('ada') });
    expect(client.session).toMatchObject({ user: { id: 'ada' }, expires_at: expect.any(String) });
    expect((await withToken(`${app.url}/api/threads`, await keys.sign('bob'))).status).toBe(200);

    const stranger = await generateKeyPair('ES256');
    const bySomebodyElse = await new SignJWT(claimsOf('ada'))
      .setProtectedHeader({ alg: 'ES256' })
      .sign(stranger.privateKey);
    // The public key, taken for a secret.
    const confused = await tokenFor('ada', { secret: await exportSPKI(keys.publicKey) });
    const unknownKey = await keys.sign('ada', { kid: 'unknown' });
    const unsigned = new UnsecuredJWT(claimsOf('ada')).encode();
    for (const token of [bySomebodyElse, confused, unknownKey, unsigned, await tokenFor('ada')]) {
      expect(await refusal(app.url, { token })).toMatchObject({ code: 'unauthenticated' });
    }
  });

  test('that is away: HTTP answers 503, and connections close so that stock clients come back by themselves', async () => {
    await using keys = await startKeyServer();
    keys.state.isAway = true;
    await using app = await startApp({ auth: { mode: 'jwt', key: { jwksUrl: keys.jwksUrl } } });
    const token = await keys.sign('ada');
    const reply = await withToken(`${app.url}/api/threads`, token);
    expect(reply.status).toBe(503);
    expect(reply.error).toMatchObject({ code: 'unavailable', retry: 'later' });

    await using wire = await connectWire(app.url, { connectNamespace: false });
    wire.send(`40${JSON.stringify({ token })}`);
    await wire.closing();
    expect(wire.untaken).toEqual([]);

    const waiting = connectClient(app.url, {
      token,
      timeoutMs: 10_000,
      socketOptions: { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 100 },
    });
    const before = keys.state.requests;
    await eventually('the client has tried again', () => keys.state.requests >= before + 3);
    keys.state.isAway = false;
    await using client = await within('the client gets in', waiting, 10_000);
    expect(client.session.user.id).toBe('ada');
  });

  test('that goes away later: keys that are known still hold', async () => {
    await using keys = await startKeyServer();
    await using app = await startApp({ auth: { mode: 'jwt', key: { jwksUrl: keys.jwksUrl } } });
    await using first = await connectClient(app.url, { token: await keys.sign('ada') });
    keys.state.isAway = true;
    await using second = await connectClient(app.url, { token: await keys.sign('bob') });
    expect([first.session.user.id, second.session.user.id]).toEqual(['ada', 'bob']);
  });
});

test('a thread of one mode is a thread of the other: users are their ids', async () => {
  await using app = await startApp();
  await using client = await connectClient(app.url, { user: 'ada' });
  const { thread } = await client.call('create_thread', { members: ['ada'] });
  await using other = await startApp({ auth: secretAuth, store: app.store });
  const reply = await withToken(`${other.url}/api/threads/${thread.id}`, await tokenFor('ada'));
  expect((reply.json as { thread: Thread }).thread).toEqual(thread);
});
