import { afterEach, describe, expect, jest, test } from '@jest/globals';
import type { AuthConfig } from '../../../server/src/config.ts';
import { openEmbeddedStore } from '../../../server/src/store/embedded/embedded-store.ts';
import { StoreUnavailable } from '../../../server/src/store/thread-store.ts';
import { startApp, storeWith } from '../../support/app.ts';
import { eventually, within } from '../../support/eventually.ts';
import { startFaultProxy } from '../../support/fault-proxy.ts';
import { makeTempDir } from '../../support/process.ts';
import { fastClock } from '../../support/sdk-clock.ts';
import { answered, openSdk } from '../../support/sdk-client.ts';
import { jwtSecret, tokenFor } from '../../support/tokens.ts';
import { range } from '../helpers.ts';

const jwt: AuthConfig = { mode: 'jwt', key: { secret: jwtSecret } };

/** The server's clock, which runs on, and can be moved. */
function movableNow() {
  const time = { offsetMs: 0, now: () => Date.now() + time.offsetMs };
  return time;
}

describe('a server that takes no connections now', () => {
  test('because its store is away is asked until it is back', async () => {
    const store = { isAway: false };
    const check = (): void => {
      if (store.isAway) throw new StoreUnavailable('the store is away');
    };
    await using app = await startApp({
      wrapStore: (inner) =>
        storeWith(inner, {
          ping: async () => {
            check();
            return inner.ping();
          },
          histories: async (...args) => {
            check();
            return inner.histories(...args);
          },
          write: async (ops) => {
            check();
            return inner.write(ops);
          },
        }),
    });
    await using proxy = await startFaultProxy({ port: app.server.port });
    using ada = openSdk(proxy.url, 'ada');
    const { id } = await ada.client.createThread({});
    await ada.follow(id);
    const notices: string[] = [];
    ada.client.on('system_status', ({ status }) => notices.push(status));
    store.isAway = true;
    // Connected still: what is asked for is refused for now, and done when it can be.
    const sending = ada.send(id, 'while the store is away');
    const opening = ada.client.createThread({ id: 'other' }).then(() => ada.follow('other'));
    await eventually('the notice', () => notices.length === 1);
    proxy.cut('rst');
    await eventually('refused attempts', () => proxy.stats.accepted > 3);
    expect(ada.client.getStatus()).toMatchObject({
      state: 'reconnecting',
      error: { code: 'unavailable', retry: 'later' },
    });
    store.isAway = false;
    expect((await within('it is sent', sending)).content).toBe('while the store is away');
    await within('the other thread is open', opening);
    expect(ada.client.getStatus().state).toBe('connected');
    expect(ada.seqs(id)).toEqual([1]);
  });

  test('because it drains is left, and its successor is found', async () => {
    await using dir = await makeTempDir();
    const open = () => openEmbeddedStore({ dataDir: dir.path });
    await using first = await startApp({ store: await open(), random: () => 0.02 });
    const { port } = first.server;
    using ada = openSdk(first.url, 'ada');
    const { id } = await ada.client.createThread({});
    await ada.follow(id);
    const notices: (number | undefined)[] = [];
    ada.client.on('system_status', ({ retry_after_ms }) => notices.push(retry_after_ms));
    await within('it has drained', first.server.drain(), 10_000);
    await eventually('the loss', () => ada.client.getStatus().state === 'reconnecting');
    expect(notices).toEqual([100]);
    const sending = ada.send(id, 'to whoever comes next');
    await using second = await startApp({ store: await open(), port });
    await within('it is sent', sending);
    await eventually('it', () => ada.seqs(id).length === 1);
    expect(await answered(second.url, 'subscribe_threads')).toBe(1);
  });
});

describe('a token', () => {
  test('is replaced before it runs out, and the connection stays', async () => {
    const time = movableNow();
    await using app = await startApp({ auth: jwt, now: time.now });
    await using proxy = await startFaultProxy({ port: app.server.port });
    const token = () => tokenFor('ada', { expiresAt: time.now() + 60_000 });
    // The client's minute is over in 0.6 s; the server's when the test says.
    using ada = openSdk(proxy.url, 'ada', { token, clock: fastClock(100) });
    using bo = openSdk(app.url, 'bo', { token: await tokenFor('bo', { expiresAt: time.now() + 80_000 }) });
    const sessions = await Promise.all([ada.client.connected(), bo.client.connected()]);
    expect(sessions.map(({ user }) => user.id)).toEqual(['ada', 'bo']);
    // Thirty seconds at a time: within the life of the token that was taken last, beyond that of those before it.
    for (const seconds of [30, 60, 90]) {
      const before = await answered(app.url, 'reauth');
      await eventually('two more tokens', async () => (await answered(app.url, 'reauth')) >= before + 2);
      time.offsetMs = seconds * 1000;
    }
    await eventually('the end of who has no newer one', () => bo.client.getStatus().state === 'closed');
    await ada.client.ping();
    expect([ada.statuses.length, proxy.stats.accepted]).toEqual([1, 1]);
  });

  test('that ran out has the server end the connection, and the client come back with a new one', async () => {
    const time = movableNow();
    await using app = await startApp({ auth: jwt, now: time.now });
    let asked = 0;
    const token = () => {
      asked += 1;
      return tokenFor('ada', { expiresAt: time.now() + 60_000 });
    };
    using ada = openSdk(app.url, 'ada', { token });
    const { id } = await ada.client.createThread({});
    await ada.follow(id);
    const fatal: string[] = [];
    ada.client.on('error', ({ code }) => fatal.push(code));
    time.offsetMs = 61_000;
    await eventually('the end', () => ada.statuses.some(({ state }) => state === 'reconnecting'));
    expect(ada.statuses[1]).toMatchObject({ state: 'reconnecting', error: { code: 'token_expired', retry: 'reauth' } });
    await eventually('a new connection', () => ada.client.getStatus().state === 'connected');
    await ada.send(id, 'still here');
    await eventually('it', () => ada.seqs(id).length === 1);
    expect([asked, fatal]).toEqual([2, ['token_expired']]);
  });

  test('that never changes closes the client when it runs out, and another one opens it again', async () => {
    const time = movableNow();
    await using app = await startApp({ auth: jwt, now: time.now });
    const expiresAt = time.now() + 60_000;
    using ada = openSdk(app.url, 'ada', { token: await tokenFor('ada', { expiresAt }) });
    const { id } = await ada.client.createThread({});
    await ada.follow(id);
    await ada.send(id, 'before');
    time.offsetMs = 61_000;
    await eventually('the end', () => ada.client.getStatus().state === 'closed');
    expect(ada.client.getStatus().error).toMatchObject({ code: 'token_expired' });
    await expect(ada.send(id, 'closed')).rejects.toMatchObject({ code: 'closed' });
    ada.client.setToken(() => tokenFor('ada', { expiresAt: time.now() + 60_000 }));
    await eventually('it live again', () => ada.snapshot(id).status === 'live');
    const [failed] = ada.snapshot(id).pending;
    await ada.client.thread(id).resend(failed!.messageId);
    expect(ada.contents(id)).toEqual(['before', 'closed']);
  });

  test('that does not hold is asked for again where it may be another one, and given up where it cannot', async () => {
    await using app = await startApp({ auth: jwt });
    const good = await tokenFor('ada');
    const bad = await tokenFor('ada', { secret: 'another secret of thirty-two bytes' });
    const tokens = [bad, 'nonsense', good];
    using patient = openSdk(app.url, 'ada', { token: () => tokens.shift()! });
    expect((await patient.client.connected()).user.id).toBe('ada');
    expect(patient.statuses.map(({ state, error }) => error?.code ?? state)).toEqual([
      'unauthenticated',
      'unauthenticated',
      'connected',
    ]);
    using hopeless = openSdk(app.url, 'ada', { token: bad });
    await expect(hopeless.client.connected()).rejects.toMatchObject({ code: 'unauthenticated', retry: 'reauth' });
    using without = openSdk(app.url, 'ada');
    await expect(without.client.connected()).rejects.toMatchObject({ code: 'unauthenticated' });
    without.client.setToken(good);
    expect((await without.client.connected()).user.id).toBe('ada');
    // Another user's is refused, and the connection stays who it was.
    without.client.setToken(await tokenFor('bo'));
    await eventually('the refusal', async () => (await answered(app.url, 'reauth')) === 1);
    await without.client.ping();
    expect(without.client.getStatus()).toMatchObject({ state: 'connected', session: { user: { id: 'ada' } } });
  });
});

describe('requests', () => {
  test('beyond the rate limit are all answered, later', async () => {
    await using app = await startApp({ ratePerSecond: 20 });
    using ada = openSdk(app.url, 'ada');
    await Promise.all(range(1, 120).map(() => ada.client.ping()));
    expect(await answered(app.url, 'ping')).toBeGreaterThan(120);
  });

  test('that are wrong say where', async () => {
    await using app = await startApp();
    using ada = openSdk(app.url, 'ada');
    await expect(ada.client.createThread({ title: 'x'.repeat(201) })).rejects.toMatchObject({
      name: 'ThreadwireError',
      code: 'invalid_payload',
      retry: 'never',
      event: 'create_thread',
      details: { issues: [{ path: 'title' }] },
    });
    const { id } = await ada.client.createThread({});
    await expect(ada.send(id, 'x'.repeat(70_000))).rejects.toMatchObject({ code: 'payload_too_large', threadId: id });
    await ada.send(id, 'short');
    expect(ada.snapshot(id).pending).toMatchObject([{ status: 'failed', error: { code: 'payload_too_large' } }]);
    expect(ada.client.thread(id).discard(ada.snapshot(id).pending[0]!.messageId)).toBe(true);
  });
});

describe('a machine that slept', () => {
  afterEach(() => void jest.restoreAllMocks());

  test('sends nothing of what was asked for before the loss showed, until it has joined again', async () => {
    await using app = await startApp();
    await using proxy = await startFaultProxy({ port: app.server.port });
    using ada = openSdk(proxy.url, 'ada');
    const { id } = await ada.client.createThread({});
    await ada.follow(id);
    // As after hours: socket.io-client finds out when the next event is emitted, and keeps that one.
    const now = Date.now.bind(Date);
    const spy = jest.spyOn(Date, 'now').mockImplementation(() => now() + 7_200_000);
    const sending = ada.send(id, 'awake');
    const editing = ada.client.thread(id).edit('none', 'x', { ifSeq: 1 });
    spy.mockRestore();
    await expect(editing).rejects.toMatchObject({ code: 'no_answer' });
    await within('it is sent', sending);
    expect(proxy.stats.accepted).toBe(2);
    expect(await answered(app.url, 'send_message')).toBe(1);
    expect(await answered(app.url, 'edit_message')).toBe(0);
  });
});
