import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, test } from '@jest/globals';
import { startApp, storeWith } from '../support/app.ts';
import { connectClient } from '../support/client.ts';
import { eventually } from '../support/eventually.ts';
import { connectNamespace, logIn, openConsole, operator } from '../support/operator.ts';
import { upTo } from '../support/store-ops.ts';

// Elsewhere loopback has one address.
const testOnLinux = process.platform === 'linux' ? test : test.skip;

testOnLinux('an action is noted with the address that it came from, not with that of the login', async () => {
  await using app = await startApp({ operator, host: '0.0.0.0' });
  const cookie = await logIn({ url: `http://127.0.0.2:${app.server.port}` });
  const { socket, outcome } = await connectNamespace({ url: `http://127.0.0.1:${app.server.port}` }, '/admin', {
    Cookie: cookie,
  });
  expect(outcome).toBe('connected');
  await socket.emitWithAck('console', 'restore_user', { user_id: 'eve' });
  const { data } = (await socket.emitWithAck('console', 'audit', {})) as { data: { entries: unknown } };
  socket.disconnect();
  expect(data.entries).toMatchObject([{ action: 'restore_user', address: '127.0.0.1' }, { action: 'login' }]);
});

test('an action is answered when it is in the log', async () => {
  let release!: () => void;
  const held = new Promise<void>((resolve) => (release = resolve));
  const steps: string[] = [];
  await using app = await startApp({
    operator,
    wrapStore: (store) =>
      storeWith(store, {
        appendAudit: async (entries) => {
          await held;
          await store.appendAudit(entries);
          steps.push('stored');
        },
      }),
  });
  using console = await openConsole(app);
  const restored = console.get('restore_user', { user_id: 'eve' }).then(() => steps.push('answered'));
  // Asked later, answered before.
  await console.get('revoked');
  await console.get('revoked');
  release();
  await restored;
  expect(steps.at(-1)).toBe('answered');
  expect(steps).toContain('stored');
});

test('an operator who reads long messages keeps the connection, and gets all of them by and by', async () => {
  await using app = await startApp({ operator });
  using console = await openConsole(app);
  await using ada = await connectClient(app.url, { user: 'ada' });
  await ada.call('create_thread', { id: 't' });
  for (const n of upTo(40)) await ada.call('send_message', { thread_id: 't', content: `${n}`.padEnd(60_000, '.') });
  await console.get('read_bodies', { thread_id: 't', view: '1' });

  const seen: (string | undefined)[] = [];
  for (let after = 0; after < 40;) {
    const tail = await console.get('tail', { thread_id: 't', view: '1', after_seq: after });
    expect(tail.head_seq).toBeGreaterThan(after);
    seen.push(...tail.lines.map(({ content }) => content?.replaceAll('.', '')));
    after = tail.head_seq;
  }
  expect(seen).toEqual(upTo(40).map(String));
});

test('an answer above what a slow connection may be owed ends no operator', async () => {
  await using app = await startApp({ operator });
  using console = await openConsole(app);
  for (const n of upTo(2000)) {
    await app.store.revoke({ userId: `user-${n}`, at: 0, operator: 'admin', reason: 'r'.repeat(500) });
  }
  await using again = await startApp({ operator, store: app.store });
  using other = await openConsole(again);
  expect((await other.get('revoked')).users).toHaveLength(2000);
  console.socket.disconnect();
});

test('a message whose body was still to come when its sender was revoked is refused', async () => {
  await using app = await startApp({ operator });
  using console = await openConsole(app);
  await using ada = await connectClient(app.url, { user: 'ada' });
  await ada.call('create_thread', { id: 't', members: ['eve'] });
  const body = JSON.stringify({ content: 'too late' });
  const socket = connect(app.server.port, '127.0.0.1');
  const answer = text(socket);
  socket.write(
    'POST /api/threads/t/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nX-Threadwire-User: eve\r\n' +
      `Expect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`,
  );
  // By then it has been looked at who sends it.
  await new Promise((resolve) => socket.once('data', resolve));
  await console.get('revoke_user', { user_id: 'eve' });
  socket.write(body);
  expect(await answer).toContain('HTTP/1.1 403 Forbidden');
});

test.each(['connection', 'request'])(
  'a stream that begins by a %s while its sender is revoked is ended',
  async (way) => {
    let release!: () => void;
    const held = new Promise<void>((resolve) => (release = resolve));
    let isHeld = false;
    await using app = await startApp({
      operator,
      ratePerSecond: 0,
      wrapStore: (store) =>
        storeWith(store, {
          write: async (ops) => {
            if (ops.some(({ kind }) => kind === 'stream_start')) {
              isHeld = true;
              await held;
            }
            return store.write(ops);
          },
        }),
    });
    using console = await openConsole(app);
    await using ada = await connectClient(app.url, { user: 'ada' });
    await ada.call('create_thread', { id: 't', members: ['eve'] });
    await using eve = await connectClient(app.url, { user: 'eve' });
    const socket = connect(app.server.port, '127.0.0.1');
    socket.resume();
    if (way === 'connection') eve.send('stream_start', { thread_id: 't' });
    else
      socket.write(
        'POST /api/threads/t/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Threadwire-User: eve\r\n' +
          'Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
      );
    await eventually('it is being begun', () => isHeld);
    await console.get('revoke_user', { user_id: 'eve' });
    release();
    const history = () => ada.call('fetch_history', { thread_id: 't' });
    await eventually('it has begun', async () => (await history()).head_seq > 0);
    if (way === 'request') socket.write('6\r\n again\r\n');
    await eventually('it is ended', async () => (await history()).streaming.length === 0);
    socket.destroy();
  },
);
