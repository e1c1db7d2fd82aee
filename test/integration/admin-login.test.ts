import { describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { join, relative, sep } from 'node:path';
import { io } from 'socket.io-client';
import { hashPassword } from '../../server/src/admin/operator-account.ts';
import { startApp } from '../support/app.ts';
import type { App } from '../support/app.ts';
import { connectClient } from '../support/client.ts';
import { eventually } from '../support/eventually.ts';
import { httpRequest } from '../support/http-request.ts';
import { connectNamespace, cookieOf, logIn, operator, postForm } from '../support/operator.ts';
import { upTo } from '../support/store-ops.ts';

/** What a guess from another address of this machine is answered. */
async function guessFrom(app: App, address: string): Promise<number> {
  const body = 'username=admin&password=guess';
  return await new Promise((resolve, reject) => {
    const sent = request(
      `${app.url}/admin/login`,
      { method: 'POST', localAddress: address, headers: { 'Content-Type': 'application/x-www-form-urlencoded' } },
      (response) => {
        response.resume();
        resolve(response.statusCode!);
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

describe('the login', () => {
  test('asks for name and password, sets a cookie that scripts and other sites do not get, and opens the pages', async () => {
    await using app = await startApp({ operator });
    const before = await fetch(`${app.url}/admin/`);
    expect(before.status).toBe(200);
    // To the page's own address, so that browsers keep what is behind its `#`.
    expect(await before.text()).toContain('<form method="post">');
    const response = await postForm(app, '/admin/', { username: 'admin', password: 'correct horse' });
    expect(response.status).toBe(303);
    expect(response.headers.get('Set-Cookie')).toMatch(
      /^threadwire_operator=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/,
    );
    const session = await fetch(`${app.url}/admin/session`, { headers: { Cookie: cookieOf(response) } });
    expect(await session.json()).toMatchObject({ username: 'admin' });
    expect((await fetch(`${app.url}/admin/session`)).status).toBe(401);
  });

  test.each([
    ['a wrong password', { username: 'admin', password: 'wrong' }],
    ['a wrong name', { username: 'root', password: 'correct horse' }],
    ['an empty password', { username: 'admin', password: '' }],
    ['a long password', { username: 'admin', password: 'correct horse'.repeat(500) }],
  ])('refuses %s in the same words, and says nothing of which it was', async (_what, fields) => {
    await using app = await startApp({ operator });
    const response = await postForm(app, '/admin/login', fields);
    expect([response.status, response.headers.get('Set-Cookie')]).toEqual([401, null]);
    expect(await response.text()).toContain('<p role="alert">The name or the password is wrong.</p>');
    expect(JSON.stringify(app.logs)).not.toContain('correct horse');
  });

  test.each([
    ['nothing', ''],
    ['no object', '[]'],
    ['a number for a password', '{"username":"admin","password":1}'],
    ['null for a password', '{"username":"admin","password":null}'],
    ['no password', '{"username":"admin"}'],
    ['objects', '{"username":{"$ne":1},"password":{"$ne":1}}'],
    ['no JSON', '{'],
  ])('answers %s with a typed error', async (_what, body) => {
    await using app = await startApp({ operator });
    const response = await fetch(`${app.url}/admin/login`, {
      method: 'POST',
      body,
      headers: { 'Content-Type': 'application/json' },
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code: 'invalid_payload' } });
    await logIn(app);
  });

  test.each([
    ['application/x-www-form-urlencoded', `username=admin&password=${'x'.repeat(9000)}`],
    ['application/json', JSON.stringify({ username: 'admin', password: 'x'.repeat(9000) })],
  ])('reads no more than 8 KiB of %s', async (type, body) => {
    await using app = await startApp({ operator });
    const headers = { 'Content-Type': type };
    const { status, error } = await httpRequest(`${app.url}/admin/login`, { method: 'POST', body, headers });
    expect([status, error]).toMatchObject([
      413,
      { code: 'payload_too_large', message: 'The body is above 8192 bytes.' },
    ]);
    await logIn(app);
  });

  test('takes an argon2id hash in place of the password', async () => {
    await using app = await startApp({
      operator: { username: 'admin', secret: { hash: await hashPassword('hashed') } },
    });
    await logIn(app, 'hashed');
    expect((await postForm(app, '/admin/login', { username: 'admin', password: 'other' })).status).toBe(401);
  });

  test('lets nobody in where there is no operator', async () => {
    await using app = await startApp();
    const response = await postForm(app, '/admin/login', { username: 'admin', password: '' });
    expect(response.status).toBe(403);
    expect(await response.text()).toContain('ADMIN_PASSWORD');
  });

  test('is locked after five wrong ones, also for the right password', async () => {
    await using app = await startApp({ operator });
    for (let i = 0; i < 5; i++) {
      expect((await postForm(app, '/admin/login', { username: 'admin', password: 'wrong' })).status).toBe(401);
    }
    const locked = await postForm(app, '/admin/login', { username: 'admin', password: 'correct horse' });
    expect([locked.status, Number(locked.headers.get('Retry-After')) > 800]).toEqual([429, true]);
    // What is not even looked at is noted later, all together: a flood must not fill the log.
    await eventually('it is stored', async () => (await app.store.audit(10)).length === 5);
    expect((await app.store.audit(2)).map(({ detail }) => detail)).toEqual(['the address is locked out', '']);
  });

  test('locks out who guesses behind a proxy, not everybody who comes by it, and notes who it was', async () => {
    await using app = await startApp({ operator, trustedProxies: 1 });
    const guesser = { 'X-Forwarded-For': '203.0.113.9, 198.51.100.7' };
    const known = { 'X-Forwarded-For': '198.51.100.8' };
    const wrong = { username: 'admin', password: 'wrong' };
    const right = { username: 'admin', password: 'correct horse' };
    for (let i = 0; i < 5; i++) await postForm(app, '/admin/login', wrong, guesser);
    // Whatever it makes up.
    const guesserToo = { 'X-Forwarded-For': '203.0.113.10, 198.51.100.7' };
    expect((await postForm(app, '/admin/login', right, guesserToo)).status).toBe(429);
    const response = await postForm(app, '/admin/login', right, known);
    expect(response.status).toBe(303);

    await using ada = await connectClient(app.url, { user: 'ada', headers: { 'X-Forwarded-For': '198.51.100.9' } });
    const headers = { Cookie: cookieOf(response), 'X-Forwarded-For': '198.51.100.10' };
    const { socket } = await connectNamespace(app, '/admin', headers, { page: 'console' });
    const ask = async (request: string, payload: object) =>
      (await socket.timeout(5000).emitWithAck('console', request, payload)) as unknown;
    expect(await ask('connections', {})).toMatchObject({
      data: { connections: [{ user_id: 'ada', address: '198.51.100.9' }] },
    });
    await ask('disconnect_user', { user_id: 'ada' });
    await ada.disconnected();
    socket.disconnect();
    await postForm(app, '/admin/logout', {}, headers);
    await eventually('all is stored', async () => (await app.store.audit(10)).length === 8);
    expect((await app.store.audit(10)).map(({ action, address }) => `${action} ${address}`)).toEqual([
      'logout 198.51.100.10',
      'disconnect_user 198.51.100.10',
      'login 198.51.100.8',
      ...Array.from({ length: 5 }, () => 'login 198.51.100.7'),
    ]);
  });

  test.each([
    ['a foreign Origin', { Origin: 'https://evil.example' }, []],
    ['an Origin that may use the API', { Origin: 'https://app.example' }, ['https://app.example']],
    ['a foreign Host', { Host: 'evil.example' }, []],
  ])('refuses %s', async (_what, headers, corsOrigins) => {
    await using app = await startApp({ operator, corsOrigins });
    const status = await new Promise((resolve, reject) => {
      const asked = request(`${app.url}/admin/login`, { method: 'POST', headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      asked.on('error', reject);
      asked.end();
    });
    expect(status).toBe(403);
  });

  test('turns away who is locked out before anything of the body has come', async () => {
    await using app = await startApp({ operator });
    for (let i = 0; i < 5; i++) await postForm(app, '/admin/login', { username: 'admin', password: 'guess' });
    const asked = request(`${app.url}/admin/login`, { method: 'POST', headers: { 'Content-Length': 100 } });
    asked.on('error', () => undefined);
    asked.flushHeaders();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    expect([response.statusCode, Number(response.headers['retry-after']) > 800]).toEqual([429, true]);
    asked.destroy();
  });

  // Elsewhere loopback has one address.
  const testOnLinux = process.platform === 'linux' ? test : test.skip;
  testOnLinux('compares few passwords of a flood of guesses from a hundred addresses, while users go on', async () => {
    await using app = await startApp({ operator });
    const known = await logIn(app);
    await using ada = await connectClient(app.url, { user: 'ada' });
    await ada.call('create_thread', { id: 't' });
    const guesses = Promise.all(upTo(300).map((n) => guessFrom(app, `127.0.1.${1 + (n % 100)}`)));
    for (const n of upTo(50)) await ada.call('send_message', { thread_id: 't', content: `during the flood ${n}` });
    const statuses = await guesses;
    const compared = statuses.filter((status) => status === 401).length;
    // Ten at once, and one in ten seconds: not 300 times 80 ms.
    expect(compared).toBeGreaterThanOrEqual(1);
    expect(compared).toBeLessThan(20);
    expect(statuses.filter((status) => status !== 401 && status !== 429)).toEqual([]);
    // Who is logged in stays so, and whoever has logged in from their place before still can.
    expect((await fetch(`${app.url}/admin/session`, { headers: { Cookie: known } })).status).toBe(200);
    expect(await logIn(app)).toMatch(/^threadwire_operator=/);
  });

  test('marks the cookie Secure where the browser came by TLS', async () => {
    await using app = await startApp({ operator });
    const origin = app.url.replace('http:', 'https:');
    const response = await postForm(
      app,
      '/admin/login',
      { username: 'admin', password: 'correct horse' },
      { Origin: origin },
    );
    expect(response.headers.get('Set-Cookie')).toMatch(/; Secure$/);
  });
});

describe('the pages', () => {
  test.each(['/admin/sockets/', '/admin/index.html', '/admin/assets/x.js', '/admin/anything'])(
    '%s leads to the login without a session',
    async (path) => {
      await using app = await startApp({ operator });
      const response = await fetch(`${app.url}${path}`, { redirect: 'manual' });
      expect([response.status, response.headers.get('Location')]).toEqual([303, '/admin/']);
    },
  );

  test('of what was built a visitor gets nothing, however it is asked for', async () => {
    await using app = await startApp({ operator, adminDir: 'admin/dist' });
    const files = readdirSync('admin/dist', { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative('admin/dist', join(entry.parentPath, entry.name)).replaceAll(sep, '/'));
    expect(files).toEqual(expect.arrayContaining(['index.html', 'sockets/boot.js']));
    for (const file of files) {
      for (const path of [
        `/admin/${file}`,
        `/ADMIN/${file}`,
        `/admin//${file}`,
        `/%61dmin/${file}`,
        `//admin/${file}`,
      ]) {
        const { status } = await httpRequest(`${app.url}${path}`);
        expect([path, [303, 404].includes(status)]).toEqual([path, true]);
      }
    }
  });

  test('lead out of what was built for nobody', async () => {
    await using app = await startApp({ operator, adminDir: 'admin/dist' });
    const headers = { Cookie: await logIn(app) };
    for (const path of ['..%2fpackage.json', 'assets/..%2f..%2fpackage.json', '%00', '%']) {
      const { status, text } = await httpRequest(`${app.url}/admin/${path}`, { headers });
      expect([path, status === 200 && text.includes('@threadwire')]).toEqual([path, false]);
    }
  });

  test.each(['/admin/', '/admin/login.css', '/admin/session', '/admin/sockets/', '/admin/none'])(
    '%s is kept by no cache and shown in no frame, before the login and after it',
    async (path) => {
      await using app = await startApp({ operator, adminDir: 'admin/dist' });
      for (const headers of [{}, { Cookie: await logIn(app) }]) {
        const answer = await httpRequest(`${app.url}${path}`, { headers });
        expect(answer.headers).toMatchObject({
          'cache-control': 'no-store',
          'content-security-policy': expect.stringMatching(/^default-src 'none'.*; frame-ancestors 'none'$/),
          'x-content-type-options': 'nosniff',
          'cross-origin-resource-policy': 'same-origin',
        });
      }
    },
  );
});

describe('the namespace /admin', () => {
  test('lets in who has the cookie of a session, and nobody else', async () => {
    await using app = await startApp({ operator });
    const cookie = await logIn(app);
    const cases: readonly [headers: Record<string, string>, outcome: string][] = [
      [{ Cookie: cookie }, 'connected'],
      [{ Cookie: cookie, Origin: app.url }, 'connected'],
      [{}, 'unauthenticated'],
      [{ Cookie: cookie.toUpperCase() }, 'unauthenticated'],
      [{ Cookie: `threadwire_operator=${'A'.repeat(43)}` }, 'unauthenticated'],
      [{ Authorization: 'Basic YWRtaW46Y29ycmVjdCBob3JzZQ==' }, 'unauthenticated'],
    ];
    for (const [headers, expected] of cases) {
      const { outcome, socket } = await connectNamespace(app, '/admin', headers);
      expect([headers, outcome]).toEqual([headers, expected]);
      socket.disconnect();
    }
  });

  test('does not let in a page of others that may use the API, by the cookie of its visitor', async () => {
    await using app = await startApp({ operator, corsOrigins: ['https://app.example'] });
    const headers = { Cookie: await logIn(app), Origin: 'https://app.example' };
    const { outcome, socket } = await connectNamespace(app, '/admin', headers);
    expect(outcome).toBe('unauthenticated');
    socket.disconnect();
  });

  test('knows the cookie also where the connection opened another namespace first', async () => {
    await using app = await startApp({ operator });
    const headers = { Cookie: await logIn(app) };
    const { socket: first } = await connectNamespace(app, '/', headers);
    const second = first.io.socket('/admin');
    await new Promise<void>((resolve, reject) => {
      second.once('connect', resolve);
      second.once('connect_error', reject);
      second.connect();
    });
    expect(JSON.stringify((second as unknown as { data?: unknown }).data ?? null)).toBe('null');
    first.io._close();
  });

  test('closes what came by a session when that is logged out', async () => {
    await using app = await startApp({ operator });
    const [one, two] = [await logIn(app), await logIn(app)];
    const { socket: first } = await connectNamespace(app, '/admin', { Cookie: one });
    const { socket: second } = await connectNamespace(app, '/admin', { Cookie: two });
    const closed = new Promise((resolve) => first.once('disconnect', resolve));
    expect((await postForm(app, '/admin/logout', {}, { Cookie: one })).status).toBe(303);
    await closed;
    expect(second.connected).toBe(true);
    expect((await connectNamespace(app, '/admin', { Cookie: one })).outcome).toBe('unauthenticated');
    second.disconnect();
  });

  test('is refused a thousand times without a hash, while users go on', async () => {
    await using app = await startApp({ operator });
    await using user = await connectClient(app.url, { user: 'ada' });
    const attempts = [{ username: 'admin' }, { username: 'admin', password: 1 }, { username: 'admin', password: null }];
    const cpu = process.cpuUsage();
    const sockets = await Promise.all(
      upTo(100).map(async (n) => {
        const socket = io(`${app.url}/admin`, {
          path: '/api/ws',
          transports: ['websocket'],
          forceNew: true,
          reconnection: false,
          auth: attempts[n % 3]!,
        });
        const error = await new Promise<Error>((resolve) => socket.once('connect_error', resolve));
        expect((error as { data?: { code?: string } }).data?.code).toBe('unauthenticated');
        return socket;
      }),
    );
    const { user: userUs } = process.cpuUsage(cpu);
    // A hash takes 80 ms of it: a hundred would be eight seconds.
    expect(userUs / 1000).toBeLessThan(4000);
    expect(await user.call('ping', {})).toHaveProperty('server_time');
    for (const socket of sockets) socket.disconnect();
  });
});

describe('the log of what operators do', () => {
  test('has each login and logout: who, from where, and how it ended', async () => {
    await using app = await startApp({ operator });
    await postForm(app, '/admin/login', { username: 'mallory', password: 'guess' });
    const cookie = await logIn(app);
    await postForm(app, '/admin/logout', {}, { Cookie: cookie });
    await eventually('it is stored', async () => (await app.store.audit(10)).length === 3);
    const entries = await app.store.audit(10);
    expect(entries.map(({ operator: who, address, action, outcome }) => [who, address, action, outcome])).toEqual([
      ['admin', '127.0.0.1', 'logout', 'ok'],
      ['admin', '127.0.0.1', 'login', 'ok'],
      ['', '127.0.0.1', 'login', 'refused'],
    ]);
    expect(JSON.stringify([entries, app.logs])).not.toMatch(/guess|correct horse/);
  });
});
