import { expect, test } from '@jest/globals';
import { Audit } from '../server/src/admin/audit.ts';
import { createLogger } from '../server/src/logger.ts';
import type { AuditEntry } from '../server/src/store/thread-store.ts';
import { startApp, storeWith } from './support/app.ts';
import { upTo } from './support/store-ops.ts';
import { openConsole, connectNamespace, logIn, operator } from './support/operator.ts';

test('an action is noted with the address that it came from, not with that of the login', async () => {
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

test.each(upTo(12))('what is noted %i steps after something else is stored without more being noted', async (steps) => {
  const stored: string[] = [];
  const store = {
    appendAudit: async (entries: readonly AuditEntry[]) => void stored.push(...entries.map(({ target }) => target)),
    audit: async () => [],
  };
  let id = 0;
  const audit = new Audit({
    store,
    logger: createLogger('silent'),
    newId: () => String((id += 1)),
    now: () => 0,
    schedule: () => undefined,
  });
  const entry = { operator: 'admin', address: '::1', action: 'restore_user', outcome: 'ok', detail: '' } as const;
  audit.record({ ...entry, target: 'first' });
  for (let step = 0; step < steps; step++) await Promise.resolve();
  audit.record({ ...entry, target: 'second' });
  await new Promise((resolve) => setImmediate(resolve));
  expect(stored).toEqual(['first', 'second']);
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
