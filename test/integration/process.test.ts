import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import { Agent, createServer as createHttpServer } from 'node:http';
import { connect, createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from '@jest/globals';
import { ConfigError, loadConfig } from '@threadwire/server';
import { TestClient, connectClient, readThread } from '../support/client.ts';
import { within } from '../support/eventually.ts';
import { httpRequest } from '../support/http-request.ts';
import { mongodbBackEnd, ownDatabase } from '../support/mongodb-back-end.ts';
import { ServerProcess, endWithParent, makeTempDir, startServer } from '../support/process.ts';
import { jwtSecret, tokenFor } from '../support/tokens.ts';

const argon2idOfNobody = `$argon2id$v=19$m=19456,t=2,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`;

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the built server with these variables and nothing else, until it ends by itself. */
async function runToItsEnd(env: Record<string, string>): Promise<Ended> {
  await using directory = await makeTempDir();
  const child = spawn(process.execPath, [...endWithParent, join('server', 'dist', 'main.js')], {
    cwd: join(__dirname, '..', '..'),
    env: { PATH: process.env['PATH'], PORT: '0', DATA_DIR: directory.path, ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const outputs = Promise.all([text(child.stdout!), text(child.stderr!)]);
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(timer);
  const [stdout, stderr] = await outputs;
  return { code, stdout, stderr };
}

/** It did not start, and said why in exactly one line, which names the variable. */
function expectOneLine({ code, stdout, stderr }: Ended, named: string): void {
  expect({ code, stdout, lines: stderr.split('\n').length, stderr }).toEqual({ code: 1, stdout: '', lines: 2, stderr });
  expect(stderr).toMatch(new RegExp(`^threadwire: .*\\b${named}\\b.*\\n$`));
}

const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
const withIpv6 = addresses.some(({ address }) => address === '::1') ? test : test.skip;

describe('a start', () => {
  test('says where it listens, with which store, and who gets in', async () => {
    await using directory = await makeTempDir();
    await using server = await startServer({ dataDir: directory.path });
    const { port } = new URL(server.url);
    expect(Number(port)).toBeGreaterThan(0);
    await server.waitForOutput(/store/);
    const lines = server.output.split('\n');
    expect(lines[0]).toBe(`listening on http://127.0.0.1:${port}`);
    expect(server.output).toMatch(new RegExp(`^ *store +embedded, in ${directory.path}$`, 'm'));
    expect(server.output).toMatch(/^ *users +anonymous/m);
    expect(server.output).toMatch(new RegExp(`^ *Socket\\.IO +${server.url} .*/api/ws$`, 'm'));
    expect(server.output).toMatch(new RegExp(`^ *HTTP API +${server.url}/api/threads `, 'm'));
    expect((await httpRequest(`${server.url}/readyz`)).status).toBe(200);
  });

  withIpv6('on an IPv6 address gives a URL that can be used as it is', async () => {
    await using server = await startServer({ env: { HOST: '::1' } });
    expect(server.url).toBe(`http://[::1]:${server.port}`);
    await using client = await connectClient(server.url);
    expect(await client.call('ping', {})).toHaveProperty('server_time');
  });

  withIpv6.each(['[::1]', 'LOCALHOST'])('on %s, as people write it', async (host) => {
    await using server = await startServer({ env: { HOST: host } });
    expect(server.url).toBe(`http://${host.toLowerCase()}:${server.port}`);
    await using client = await connectClient(server.url);
    expect(await client.call('ping', {})).toHaveProperty('server_time');
  });

  test('an empty variable counts as unset', async () => {
    const names = [
      'HOST',
      'MONGODB_URI',
      'REDIS_URL',
      'ALLOW_ANONYMOUS',
      'CORS_ORIGINS',
      'TRANSPORTS',
      'TRUST_PROXY',
      'METRICS_TOKEN',
      'RATE_LIMIT_PER_SECOND',
      'MAX_SUBSCRIPTIONS',
      'STREAM_LEASE_MS',
      'STREAM_MAX_IDLE_MS',
      'DRAIN_TIMEOUT_MS',
      'LOG_LEVEL',
    ];
    await using server = await startServer({ env: Object.fromEntries(names.map((name) => [name, ''])) });
    await using client = await connectClient(server.url);
    expect(client.session.limits).toMatchObject({ rate_per_second: 50, max_subscriptions: 1000 });
  });

  test('the variables reach what they are about', async () => {
    await using server = await startServer({
      env: {
        HOST: '0.0.0.0',
        ALLOW_ANONYMOUS: '1',
        CORS_ORIGINS: 'https://app.example, https://other.example',
        TRANSPORTS: 'websocket,polling',
        METRICS_TOKEN: 'the-token',
        RATE_LIMIT_PER_SECOND: '7',
        MAX_SUBSCRIPTIONS: '3',
        LOG_LEVEL: 'silent',
      },
    });
    expect(server.output).toMatch(/^listening on http:\/\/0\.0\.0\.0:\d+$/m);
    const url = `http://127.0.0.1:${server.port}`;
    const headers = { Origin: 'https://other.example' };
    await using client = await connectClient(url, { headers, socketOptions: { transports: ['polling'] } });
    expect(client.session.limits).toMatchObject({ rate_per_second: 7, max_subscriptions: 3 });
    const metrics = (token: string) => httpRequest(`${url}/metrics`, { headers: { Authorization: `Bearer ${token}` } });
    expect([(await metrics('the-token')).status, (await metrics('another')).status]).toEqual([200, 401]);
  });

  test('with AUTH_JWT_SECRET, AUTH_ISSUER and AUTH_AUDIENCE tokens let in', async () => {
    await using server = await startServer({
      env: { AUTH_JWT_SECRET: jwtSecret, AUTH_ISSUER: 'https://issuer.example', AUTH_AUDIENCE: 'threadwire' },
    });
    const token = await tokenFor('ada', { claims: { iss: 'https://issuer.example', aud: 'threadwire' } });
    await using client = await connectClient(server.url, { token });
    expect(client.session.user.id).toBe('ada');
    for (const other of [undefined, await tokenFor('ada')]) {
      const refused = connectClient(server.url, { ...(other !== undefined && { token: other }) });
      await expect(refused).rejects.toMatchObject({ data: { code: 'unauthenticated' } });
    }
    expect(server.output).toMatch(/^ *users +by token/m);
  });
});

describe('a wrong value stops the start with one line that names it', () => {
  const wrong: [named: string, env: Record<string, string>][] = [
    ['PORT', { PORT: '65536' }],
    ['PORT', { PORT: '-1' }],
    ['PORT', { PORT: '3000 ' }],
    ['HOST', { HOST: '::' }],
    ['HOST', { HOST: 'localhost.evil.example' }],
    ['ALLOW_ANONYMOUS', { ALLOW_ANONYMOUS: 'perhaps' }],
    ['ALLOW_ANONYMOUS', { ALLOW_ANONYMOUS: '0' }],
    ['ALLOW_ANONYMOUS', { ALLOW_ANONYMOUS: '0', HOST: '0.0.0.0' }],
    ['ALLOW_ANONYMOUS', { ALLOW_ANONYMOUS: '1', AUTH_JWKS_URL: 'https://issuer.example/jwks.json' }],
    ['ALLOW_ANONYMOUS', { ALLOW_ANONYMOUS: '1', AUTH_ISSUER: 'https://issuer.example' }],
    ['AUTH_JWT_SECRET', { AUTH_JWT_SECRET: 'hunter2', AUTH_JWKS_URL: 'https://issuer.example/jwks.json' }],
    ['AUTH_JWKS_URL', { AUTH_JWKS_URL: 'ftp://issuer.example' }],
    ['AUTH_ISSUER', { AUTH_ISSUER: 'https://issuer.example' }],
    ['AUTH_AUDIENCE', { AUTH_AUDIENCE: 'threadwire' }],
    ['MONGODB_URI', { MONGODB_URI: 'postgres://ada:hunter2@localhost/db' }],
    ['REDIS_URL', { REDIS_URL: 'hunter2', MONGODB_URI: 'mongodb://localhost/db' }],
    ['CORS_ORIGINS', { CORS_ORIGINS: '*' }],
    ['CORS_ORIGINS', { CORS_ORIGINS: 'https://app.example/path' }],
    ['CORS_ORIGINS', { CORS_ORIGINS: 'https://app.example,null' }],
    ['TRANSPORTS', { TRANSPORTS: 'pigeon' }],
    ['TRANSPORTS', { TRANSPORTS: ',' }],
    ['TRUST_PROXY', { TRUST_PROXY: 'true' }],
    ['TRUST_PROXY', { TRUST_PROXY: '11' }],
    ['ADMIN_USERNAME', { ADMIN_USERNAME: 'ad\nmin' }],
    ['ADMIN_PASSWORD', { ADMIN_PASSWORD: 'hunter2'.repeat(200) }],
    ['ADMIN_PASSWORD', { ADMIN_PASSWORD: 'hunter2\n' }],
    ['ADMIN_PASSWORD', { ADMIN_PASSWORD: 'hunter2', ADMIN_PASSWORD_HASH: argon2idOfNobody }],
    ['ADMIN_PASSWORD_HASH', { ADMIN_PASSWORD_HASH: '$2b$10$hunter2' }],
    ['ADMIN_PASSWORD_HASH', { ADMIN_PASSWORD_HASH: argon2idOfNobody.replace('m=19456', 'm=1048577') }],
    ['ADMIN_PASSWORD_HASH', { ADMIN_PASSWORD_HASH: argon2idOfNobody.replace('t=2', 't=0') }],
    ['RATE_LIMIT_PER_SECOND', { RATE_LIMIT_PER_SECOND: '1.5' }],
    ['MAX_SUBSCRIPTIONS', { MAX_SUBSCRIPTIONS: '0' }],
    ['STREAM_LEASE_MS', { STREAM_LEASE_MS: '0' }],
    ['STREAM_MAX_IDLE_MS', { STREAM_MAX_IDLE_MS: '1e3' }],
    ['DRAIN_TIMEOUT_MS', { DRAIN_TIMEOUT_MS: '10s' }],
    ['LOG_LEVEL', { LOG_LEVEL: 'loud' }],
  ];

  test.each(wrong)('%s: %j', (named, env) => {
    let message = 'it was taken';
    try {
      loadConfig(env);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      ({ message } = error);
    }
    expect(message).toMatch(new RegExp(`^.*\\b${named}\\b.*$`));
    expect(message).not.toContain('hunter2');
  });

  const wrongProcesses: typeof wrong = [
    ['PORT', { PORT: 'http' }],
    ['HOST', { HOST: '0.0.0.0' }],
    ['HOST', { HOST: 'there-is-no.such-host.invalid', ALLOW_ANONYMOUS: '1' }],
    ['ALLOW_ANONYMOUS', { ALLOW_ANONYMOUS: '1', AUTH_JWT_SECRET: jwtSecret }],
    ['MONGODB_URI', { MONGODB_URI: 'mongodb://ada:hunter2@127.0.0.1:1/db' }],
    ['REDIS_URL', { REDIS_URL: 'redis://ada:hunter2@localhost:6379' }],
    // Where a secret was to be injected and is missing.
    ['AUTH_JWT_SECRET', { AUTH_JWT_SECRET: '' }],
    ['AUTH_JWKS_URL', { AUTH_JWKS_URL: ' ' }],
    ['ADMIN_PASSWORD', { ADMIN_PASSWORD: '' }],
  ];

  // Several at a time, a process each.
  test.concurrent.each(wrongProcesses)('in a process of its own, %s: %j', async (named, env) => {
    const ended = await runToItsEnd(env);
    expectOneLine(ended, named);
    expect(ended.stderr).not.toContain('hunter2');
  });

  test('a PORT that is in use', async () => {
    const taken = createHttpServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as AddressInfo;
    expectOneLine(await runToItsEnd({ PORT: String(port) }), 'PORT');
    await new Promise((resolve) => taken.close(resolve));
  });

  test('a DATA_DIR that another process has; that one goes on', async () => {
    await using directory = await makeTempDir();
    await using server = await startServer({ dataDir: directory.path });
    const ended = await runToItsEnd({ DATA_DIR: directory.path });
    expectOneLine(ended, 'DATA_DIR');
    expect(ended.stderr).toContain('in use');
    await using client = await connectClient(server.url);
    expect(await client.call('create_thread', {})).toHaveProperty('thread');
  });

  test('a DATA_DIR that is no directory, cannot be made, or holds something else', async () => {
    await using directory = await makeTempDir();
    const file = join(directory.path, 'file');
    await writeFile(file, 'not a directory');
    await writeFile(join(directory.path, 'threadwire.db'), 'not a database, '.repeat(1000));
    const ends = await Promise.all(
      [file, join(file, 'two\nlines'), '/sys/threadwire', directory.path].map((path) =>
        runToItsEnd({ DATA_DIR: path }),
      ),
    );
    for (const ended of ends) expectOneLine(ended, 'DATA_DIR');
  });
});

// Where no MongoDB can be had, the run says so by name, and CI fails on it.
const describeMongodb = mongodbBackEnd.missing === undefined ? describe : describe.skip;

describeMongodb('with MONGODB_URI', () => {
  test('threads are in MongoDB, which the start says, and DATA_DIR is left alone', async () => {
    await using database = ownDatabase();
    await using directory = await makeTempDir();
    const dataDir = join(directory.path, 'data');
    await using server = await startServer({ dataDir, env: { MONGODB_URI: database.uri } });
    await server.waitForOutput(/^ *store +MongoDB$/m);
    await using client = await connectClient(server.url);
    expect(await client.call('create_thread', {})).toHaveProperty('thread');
    expect(await readdir(directory.path)).toEqual([]);
  });
});

test('logs hold neither tokens nor what people write, at any level', async () => {
  await using server = await startServer({ env: { LOG_LEVEL: 'trace', AUTH_JWT_SECRET: jwtSecret } });
  const token = await tokenFor('ada', { scope: 'agent' });
  const wrong = await tokenFor('eve', { secret: 'another secret of thirty-two bytes!' });
  const secret = 'hunter2';
  await using client = await connectClient(server.url, { token });
  await client.call('reauth', { token });
  await client.request('reauth', { token: wrong });
  await expect(connectClient(server.url, { token: wrong })).rejects.toMatchObject({
    data: { code: 'unauthenticated' },
  });

  const { thread } = await client.call('create_thread', { title: secret, metadata: { secret } });
  await client.call('subscribe_thread', { thread_id: thread.id });
  const { message } = await client.call('send_message', {
    thread_id: thread.id,
    content: secret,
    metadata: { secret },
  });
  await client.call('edit_message', { thread_id: thread.id, id: message.id, content: `${secret}!` });
  await client.requestRaw('send_message', [{ thread_id: thread.id, content: secret, [secret]: secret }]);
  await client.requestRaw(secret, [{ secret }]);
  client.send(`4${secret}`, secret);
  const http = (path: string, body: string, bearer = token) =>
    httpRequest(`${server.url}${path}`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${bearer}`, 'Content-Type': 'application/json', Cookie: `session=${secret}` },
      body,
    });
  expect((await http(`/api/threads/${thread.id}/messages`, JSON.stringify({ content: secret }))).status).toBe(201);
  expect((await http(`/api/threads/${thread.id}/messages`, `{"content":"${secret}`)).status).toBe(400);
  expect((await http(`/api/threads?token=${secret}`, '{}')).status).toBe(400);
  expect((await http('/api/threads', '{}', wrong)).status).toBe(401);
  client.socket.disconnect();
  await server.kill('SIGTERM');

  expect(server.output).toContain('"msg":"connected"');
  for (const hidden of [secret, jwtSecret, token.split('.')[2]!, wrong.split('.')[2]!, token.split('.')[1]!]) {
    expect(server.output).not.toContain(hidden);
  }
});

/** Sends the signal, and gives how the process ended and after how long. */
async function stop(server: ServerProcess, signal: 'SIGTERM' | 'SIGINT' = 'SIGTERM') {
  const from = performance.now();
  const exit = await within('the process ends', server.kill(signal), 15_000);
  return { ...exit, afterMs: performance.now() - from };
}

describe('a signal to stop', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    '%s: clients are told, sent away, and the exit code is 0',
    async (signal) => {
      await using server = await startServer();
      const clients = await Promise.all(Array.from({ length: 5 }, () => connectClient(server.url)));
      const ended = stop(server, signal);
      for (const client of clients) {
        expect(await client.next('system_status')).toMatchObject({
          status: 'draining',
          retry_after_ms: expect.any(Number),
        });
        expect(await client.disconnected()).toBe('transport close');
      }
      expect(await ended).toMatchObject({ code: 0, signal: null });
      for (const client of clients) await client[Symbol.asyncDispose]();
    },
  );

  test('with connections that are idle, slow or deaf: exit code 0 within DRAIN_TIMEOUT_MS', async () => {
    const drainTimeoutMs = 3000;
    await using server = await startServer({ env: { DRAIN_TIMEOUT_MS: String(drainTimeoutMs) } });
    const agent = new Agent({ keepAlive: true });
    await httpRequest(`${server.url}/healthz`, { agent });
    const slow = await openTcp(
      server,
      'POST /api/threads HTTP/1.1',
      'Content-Type: application/json',
      'Content-Length: 99',
    );
    slow.write('{"id":');
    const deaf = await openTcp(
      server,
      'GET /api/ws/?EIO=4&transport=websocket HTTP/1.1',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Key: ${Buffer.from('sixteen bytes it').toString('base64')}`,
    );
    await once(deaf, 'data');
    deaf.pause();
    await using frozen = await startFrozenClient(server);
    await using client = await connectClient(server.url);

    const { afterMs, ...exit } = await stop(server);
    expect(exit).toEqual({ code: 0, signal: null });
    expect(afterMs).toBeLessThan(drainTimeoutMs);
    expect(await client.disconnected()).toBe('transport close');
    expect(frozen.exitCode).toBeNull();
    for (const socket of [slow, deaf]) socket.destroy();
    agent.destroy();
  });

  test('with less time than it takes to close what is deaf: exit code 0 within it', async () => {
    await using server = await startServer({ env: { DRAIN_TIMEOUT_MS: '200' } });
    await using frozen = await startFrozenClient(server);
    const { afterMs, ...exit } = await stop(server);
    expect(exit).toEqual({ code: 0, signal: null });
    // Without a limit it would wait a second for the client.
    expect(afterMs).toBeLessThan(1000);
    expect(frozen.exitCode).toBeNull();
  });

  test('a second one, of either kind, changes nothing', async () => {
    await using server = await startServer({ env: { DRAIN_TIMEOUT_MS: '3000' } });
    await using frozen = await startFrozenClient(server);
    await using client = await connectClient(server.url);
    const ended = stop(server);
    await client.next('system_status', ({ status }) => status === 'draining');
    process.kill(server.pid, 'SIGTERM');
    process.kill(server.pid, 'SIGINT');
    expect(await ended).toMatchObject({ code: 0, signal: null });
    expect(frozen.exitCode).toBeNull();
  });

  test('what was acknowledged is there after the restart; stock clients come back by themselves', async () => {
    await using directory = await makeTempDir();
    await using server = await startServer({ dataDir: directory.path, env: { RATE_LIMIT_PER_SECOND: '0' } });
    await using client = new TestClient(server.url, {
      user: 'ada',
      socketOptions: { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 200 },
    });
    await client.next('session');
    const { thread } = await client.call('create_thread', { title: 'kept' });
    const outcomes = new Map<string, 'ok' | 'refused' | 'unanswered'>();
    const sends = Array.from({ length: 300 }, async (_, i) => {
      const content = `message ${i}`;
      const answer = await client.request('send_message', { thread_id: thread.id, content }).catch(() => undefined);
      if (answer && !answer.ok) expect(answer.error).toMatchObject({ code: 'unavailable', retry: 'later' });
      outcomes.set(content, answer === undefined ? 'unanswered' : answer.ok ? 'ok' : 'refused');
      return i;
    });
    await Promise.race(sends);
    expect(await stop(server)).toMatchObject({ code: 0, signal: null });
    await Promise.all(sends);

    await using next = await startServer({ dataDir: directory.path, env: { PORT: String(server.port) } });
    expect(next.url).toBe(server.url);
    await client.next('session', undefined, 10_000);
    const stored = (await readThread(client, thread.id)).map(({ content }) => content);
    const sent = (outcome: string) => [...outcomes].flatMap(([content, how]) => (how === outcome ? [content] : []));
    expect(sent('ok').length).toBeGreaterThan(0);
    expect(stored).toEqual(expect.arrayContaining(sent('ok')));
    expect(stored.filter((content) => outcomes.get(content) === 'refused')).toEqual([]);
    const history = await client.call('fetch_history', { thread_id: thread.id });
    expect(history.thread).toMatchObject({ id: thread.id, title: 'kept', created_by: 'ada', head_seq: stored.length });
  });
});

/** Options of node that run this module before the server: for what is too quick, or too seldom, to be met by chance. */
function before(source: string): Record<string, string> {
  return { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(source)}` };
}

describe('a signal that comes while the server starts', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('%s: what is open is closed, and the exit code is 0', async (signal) => {
    await using directory = await makeTempDir();
    // The store is open, and the server about to listen.
    const env = before(`
      import { Server } from 'node:net';
      const { listen } = Server.prototype;
      Server.prototype.listen = function (...args) {
        // Without a listener the signal ends the process at once.
        if (process.listenerCount('${signal}') > 0) process.once('${signal}', () => listen.apply(this, args));
        process.kill(process.pid, '${signal}');
        return this;
      };`);
    const ended = await runToItsEnd({ ...env, DATA_DIR: directory.path });
    expect(ended).toEqual({ code: 0, stdout: `${signal}: draining\n`, stderr: '' });
    // SQLite removes its log when the last one closes.
    expect((await readdir(directory.path)).filter((name) => name.endsWith('-wal'))).toEqual([]);
  });

  test('in vain, as the store is away: the exit code is 0 too', async () => {
    const silent = createTcpServer();
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const env = { MONGODB_URI: `mongodb://127.0.0.1:${port}/db` };
    await using server = new ServerProcess({ env }, '', undefined);
    const [connection] = (await within('the server connects', once(silent, 'connection'), 15_000)) as [Socket];
    connection.on('error', () => undefined);
    expect(await stop(server)).toMatchObject({ code: 0, signal: null });
    expect(server.output).toMatch(/^threadwire: MONGODB_URI/m);
    connection.destroy();
    silent.close();
  });
});

test('a fault while the server stops shows, by the exit code too', async () => {
  const env = before(`
    import { Server } from 'node:http';
    Server.prototype.closeAllConnections = () => { throw new Error('a fault of ours'); };`);
  await using server = await startServer({ env });
  expect(await stop(server)).toMatchObject({ code: 1, signal: null });
  expect(server.output).toContain('a fault of ours');
});

async function openTcp(server: ServerProcess, ...lines: string[]): Promise<Socket> {
  const socket = connect(server.port, '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write([...lines, 'Host: localhost', '', ''].join('\r\n'));
  return socket;
}

/** A stock client in a process that is stopped in its tracks, so that it answers nothing, not even a ping. */
async function startFrozenClient(server: ServerProcess) {
  const program = `
    const { io } = require('socket.io-client');
    const socket = io('${server.url}', { path: '/api/ws', transports: ['websocket'] });
    socket.on('session', () => process.stdout.write('in'));`;
  const child = spawn(process.execPath, [...endWithParent, '-e', program], {
    cwd: join(__dirname, '..', '..'),
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const closed = once(child, 'close');
  await within('the client has connected', once(child.stdout!, 'data'), 10_000);
  child.kill('SIGSTOP');
  return {
    get exitCode() {
      return child.exitCode;
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await closed;
    },
  };
}
