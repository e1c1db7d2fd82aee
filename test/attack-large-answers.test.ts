import { expect, test } from '@jest/globals';
import { startApp } from './support/app.ts';
import { connectClient } from './support/client.ts';
import { openConsole, operator } from './support/operator.ts';
import { upTo } from './support/store-ops.ts';

test('an operator who reads long messages keeps the connection, and gets all of them by and by', async () => {
  await using app = await startApp({ operator });
  using console = await openConsole(app);
  await using ada = await connectClient(app.url, { user: 'ada' });
  await ada.call('create_thread', { id: 't' });
  for (const n of upTo(40)) await ada.call('send_message', { thread_id: 't', content: `${n}`.padEnd(60_000, '.') });
  await console.get('read_bodies', { thread_id: 't' });

  const seen: (string | undefined)[] = [];
  for (let after = 0; after < 40;) {
    const tail = await console.get('tail', { thread_id: 't', after_seq: after });
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
