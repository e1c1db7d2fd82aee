import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startApp } from '../support/app.ts';
import type { App } from '../support/app.ts';
import { ConnectRefused, connectClient } from '../support/client.ts';
import { httpRequest } from '../support/http-request.ts';
import { jwtSecret, tokenFor } from '../support/tokens.ts';
import { UpgradeRefused, connectWire } from '../support/wire-client.ts';

const listed = 'https://app.example';
const foreign = 'https://evil.example';

let app: App;
beforeAll(async () => {
  app = await startApp({ ratePerSecond: 0 });
});
afterAll(async () => app[Symbol.asyncDispose]());

/** The status of a WebSocket handshake with these headers: 101 where it is let in. */
async function upgradeStatus(url: string, headers: Record<string, string>): Promise<number> {
  try {
    await using client = await connectWire(url, { headers });
    await client.event('session');
    return 101;
  } catch (error) {
    if (error instanceof UpgradeRefused) return error.status;
    throw error;
  }
}

const everything = [
  ['GET', '/'],
  ['GET', '/healthz'],
  ['GET', '/readyz'],
  ['GET', '/metrics'],
  ['GET', '/api/openapi.json'],
  ['GET', '/api/threads'],
  ['HEAD', '/api/threads'],
  ['POST', '/api/threads'],
  ['PATCH', '/api/threads/t'],
  ['DELETE', '/api/threads/t/messages/m'],
  ['OPTIONS', '/api/threads'],
  ['POST', '/api/threads/t/stream'],
  ['GET', '/api/ws/?EIO=4&transport=polling'],
  ['GET', '/there/is/none'],
] as const;

describe('a request of a foreign page', () => {
  test.each(everything)('%s %s: 403', async (method, path) => {
    for (const origin of [foreign, 'null', 'file://', app.url.replace('http', 'ws'), `${app.url}/`, `${app.url}1`]) {
      const reply = await httpRequest(`${app.url}${path}`, { method, headers: { Origin: origin } });
      expect({ origin, status: reply.status }).toEqual({ origin, status: 403 });
      if (method !== 'HEAD') expect(reply.error).toMatchObject({ code: 'forbidden', retry: 'never' });
      expect(reply.headers).not.toHaveProperty('access-control-allow-origin');
    }
  });

  test('changes nothing, though it needs no preflight', async () => {
    const post = (id: string, headers: Record<string, string>) =>
      httpRequest(`${app.url}/api/threads`, {
        method: 'POST',
        body: JSON.stringify({ id }),
        headers: { 'Content-Type': 'application/json', ...headers },
      });
    expect((await post('planted', { Origin: foreign })).status).toBe(403);
    expect((await httpRequest(`${app.url}/api/threads/planted`)).status).toBe(404);
    expect((await post('planted', { Origin: app.url })).status).toBe(201);
  });

  test.each([foreign, 'null', 'http://127.0.0.1:1'])('with the Origin %s opens no WebSocket: 403', async (origin) => {
    expect(await upgradeStatus(app.url, { Origin: origin })).toBe(403);
    const refused = connectClient(app.url, { headers: { Origin: origin } });
    await expect(refused).rejects.toThrow(ConnectRefused);
    await expect(refused).rejects.toMatchObject({ status: 403 });
  });
});

describe('on loopback, a request by a foreign name', () => {
  test.each(everything)('%s %s: 403', async (method, path) => {
    const port = new URL(app.url).port;
    for (const host of [`evil.example:${port}`, 'evil.example', `127.0.0.1.evil.example:${port}`, `evil-localhost`]) {
      const headers = { Host: host, Origin: `http://${host}` };
      for (const sent of [headers, { Host: host }]) {
        const reply = await httpRequest(`${app.url}${path}`, { method, headers: sent });
        expect({ host, status: reply.status }).toEqual({ host, status: 403 });
      }
    }
  });

  test.each([
    ['evil.example', true],
    ['evil.example', false],
    ['localhost.evil.example', true],
  ])('opens no WebSocket, Host %s, with an Origin that agrees: %s', async (host, withOrigin) => {
    expect(await upgradeStatus(app.url, { Host: host, ...(withOrigin && { Origin: `http://${host}` }) })).toBe(403);
  });

  test('or by no name at all: 403', async () => {
    const { port } = new URL(app.url);
    const socket = connect(Number(port), '127.0.0.1');
    await once(socket, 'connect');
    socket.end('GET /api/threads HTTP/1.0\r\n\r\n');
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 403 /);
  });

  test.each(['localhost', '127.0.0.1', '[::1]', 'LocalHost', '127.8.8.8'])('by the name %s: served', async (name) => {
    const host = `${name}:${new URL(app.url).port}`;
    for (const headers of [{ Host: host }, { Host: host, Origin: `http://${host}` }]) {
      expect((await httpRequest(`${app.url}/api/threads`, { headers })).status).toBe(200);
      expect(await upgradeStatus(app.url, headers)).toBe(101);
    }
  });
});

test('the own Origin is served, and so is whoever sends none', async () => {
  for (const headers of [{}, { Origin: app.url }] as Record<string, string>[]) {
    expect((await httpRequest(`${app.url}/api/threads`, { headers })).status).toBe(200);
    expect(await upgradeStatus(app.url, headers)).toBe(101);
  }
});

test('on an address that others reach, any Host is served, but a foreign Origin is not', async () => {
  await using open = await startApp({ host: '0.0.0.0' });
  const url = open.url.replace('0.0.0.0', '127.0.0.1');
  for (const [headers, status, upgraded] of [
    [{ Host: 'chat.example' }, 200, 101],
    [{ Host: 'chat.example', Origin: 'https://chat.example' }, 200, 101],
    [{ Host: 'chat.example', Origin: 'http://chat.example' }, 200, 101],
    [{ Host: 'chat.example', Origin: 'https://evil.example' }, 403, 403],
    [{ Host: 'chat.example', Origin: 'https://chat.example:8443' }, 403, 403],
    [{ Host: 'chat.example', Origin: 'https://chat.example.evil.example' }, 403, 403],
  ] as [Record<string, string>, number, number][]) {
    expect({ headers, status: (await httpRequest(`${url}/api/threads`, { headers })).status }).toEqual({
      headers,
      status,
    });
    expect({ headers, status: await upgradeStatus(url, headers) }).toEqual({ headers, status: upgraded });
  }
});

describe('CORS_ORIGINS', () => {
  let cors: App;
  beforeAll(async () => {
    cors = await startApp({ corsOrigins: [listed], transports: ['websocket', 'polling'], ratePerSecond: 0 });
  });
  afterAll(async () => cors[Symbol.asyncDispose]());

  test('an Origin on the list is served, and told so; an error too', async () => {
    const headers = { Origin: listed };
    for (const [path, status] of [
      ['/api/threads', 200],
      ['/api/threads/none', 404],
      ['/api/threads?limit=x', 400],
    ] as const) {
      const reply = await httpRequest(`${cors.url}${path}`, { headers });
      expect(reply.status).toBe(status);
      expect(reply.headers['access-control-allow-origin']).toBe(listed);
      expect(reply.headers['vary']).toMatch(/\bOrigin\b/);
      expect(reply.headers).not.toHaveProperty('access-control-allow-credentials');
    }
  });

  test('a preflight of it allows the methods and headers of the API', async () => {
    const preflight = await httpRequest(`${cors.url}/api/threads/t/messages/m`, {
      method: 'OPTIONS',
      headers: {
        Origin: listed,
        'Access-Control-Request-Method': 'PATCH',
        'Access-Control-Request-Headers': 'authorization,content-type,x-threadwire-user',
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers['access-control-allow-origin']).toBe(listed);
    expect(preflight.headers['access-control-allow-methods']?.split(',').toSorted()).toEqual([
      'DELETE',
      'GET',
      'PATCH',
      'POST',
    ]);
    for (const name of ['authorization', 'content-type', 'x-threadwire-user']) {
      expect(preflight.headers['access-control-allow-headers']).toContain(name);
    }
  });

  test('an Origin that is not on it stays foreign, the own one does not become it', async () => {
    for (const origin of [foreign, 'null', `${listed}.evil.example`, `${listed}:444`, 'http://app.example']) {
      for (const method of ['GET', 'OPTIONS']) {
        const reply = await httpRequest(`${cors.url}/api/threads`, { method, headers: { Origin: origin } });
        expect({ origin, status: reply.status }).toEqual({ origin, status: 403 });
        expect(reply.headers).not.toHaveProperty('access-control-allow-origin');
      }
      expect(await upgradeStatus(cors.url, { Origin: origin })).toBe(403);
    }
    expect((await httpRequest(`${cors.url}/api/threads`, { headers: { Origin: cors.url } })).status).toBe(200);
  });

  test('on loopback a foreign Host stays foreign, also with a listed Origin', async () => {
    const headers = { Host: 'app.example', Origin: listed };
    expect((await httpRequest(`${cors.url}/api/threads`, { headers })).status).toBe(403);
    expect(await upgradeStatus(cors.url, headers)).toBe(403);
  });

  test('a WebSocket of a listed Origin opens', async () => {
    expect(await upgradeStatus(cors.url, { Origin: listed })).toBe(101);
  });

  test('long-polling of a listed Origin is served, its preflight too', async () => {
    const url = `${cors.url}/api/ws/?EIO=4&transport=polling`;
    const opened = await httpRequest(url, { headers: { Origin: listed } });
    expect(opened.status).toBe(200);
    expect(opened.headers['access-control-allow-origin']).toBe(listed);
    const { sid } = JSON.parse(opened.text.slice(1)) as { sid: string };
    await httpRequest(`${url}&sid=${sid}`, { method: 'POST', body: '1', headers: { Origin: listed } });
    const preflight = await httpRequest(url, {
      method: 'OPTIONS',
      headers: { Origin: listed, 'Access-Control-Request-Method': 'POST' },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers['access-control-allow-origin']).toBe(listed);
    await using client = await connectClient(cors.url, {
      headers: { Origin: listed },
      socketOptions: { transports: ['polling'] },
    });
    expect(await client.call('ping', {})).toHaveProperty('server_time');
    expect((await httpRequest(url, { headers: { Origin: foreign } })).status).toBe(403);
  });
});

describe('the headers of an answer', () => {
  test.each([
    ['/', 200],
    ['/healthz', 200],
    ['/api/threads', 200],
    ['/api/openapi.json', 200],
    ['/api/threads/none', 404],
    ['/api/threads?limit=x', 400],
    ['/there/is/none', 404],
  ])('%s: protected by helmet, never stored, and silent about what serves it', async (path, status) => {
    const { status: answered, headers } = await httpRequest(`${app.url}${path}`);
    expect(answered).toBe(status);
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'SAMEORIGIN',
      'referrer-policy': 'no-referrer',
    });
    expect(headers['content-security-policy']).toContain("default-src 'self'");
    expect(headers).not.toHaveProperty('x-powered-by');
    expect(headers).not.toHaveProperty('etag');
  });

  test('a refusal is not stored either', async () => {
    const refused = await httpRequest(`${app.url}/api/threads`, { headers: { Origin: foreign } });
    expect(refused.headers).toMatchObject({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
  });
});

describe('a token in the URL', () => {
  let closed: App;
  beforeAll(async () => {
    closed = await startApp({ auth: { mode: 'jwt', key: { secret: jwtSecret } } });
  });
  afterAll(async () => closed[Symbol.asyncDispose]());

  test.each(['token', 'access_token', 'authorization', 'auth'])('as %s lets nobody in by HTTP: 401', async (name) => {
    const token = await tokenFor('ada');
    const url = `${closed.url}/api/threads`;
    expect((await httpRequest(url, { headers: { Authorization: `Bearer ${token}` } })).status).toBe(200);
    const reply = await httpRequest(`${url}?${name}=${token}`);
    expect(reply.status).toBe(401);
    expect(reply.error.code).toBe('unauthenticated');
    const both = await httpRequest(`${url}?${name}=${token}`, { headers: { Authorization: `Bearer ${token}` } });
    expect(both.status).toBe(400);
  });

  test.each(['token', 'access_token', 'auth'])('as %s lets nobody in by a connection', async (name) => {
    const token = await tokenFor('ada');
    const refused = connectClient(closed.url, { socketOptions: { query: { [name]: token } } });
    await expect(refused).rejects.toMatchObject({ data: { code: 'unauthenticated' } });
    await using client = await connectClient(closed.url, { token });
    expect(client.session.user.id).toBe('ada');
  });
});
