import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, test } from '@jest/globals';
import { startApp, storeWith } from './support/app.ts';
import { connectClient } from './support/client.ts';
import { openConsole, operator } from './support/operator.ts';
import { eventually } from './support/eventually.ts';

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

test('a stream that begins while its sender is revoked is ended', async () => {
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
  const socket = connect(app.server.port, '127.0.0.1');
  socket.resume();
  socket.write(
    'POST /api/threads/t/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Threadwire-User: eve\r\n' +
      'Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
  );
  await eventually('it is being begun', () => isHeld);
  await console.get('revoke_user', { user_id: 'eve' });
  release();
  const history = () => ada.call('fetch_history', { thread_id: 't' });
  await eventually('it has begun', async () => (await history()).head_seq > 0);
  socket.write('6\r\n again\r\n');
  await eventually('it is ended', async () => (await history()).streaming.length === 0);
  socket.destroy();
});
