import { EventEmitter } from 'node:events';
import { expect, test } from '@jest/globals';
import { AdminNamespace } from '../../../../server/src/admin/admin-namespace.ts';
import type { AdminNamespacePorts } from '../../../../server/src/admin/admin-namespace.ts';
import { Sessions, sessionMs } from '../../../../server/src/admin/sessions.ts';
import type { OperatorSession } from '../../../../server/src/admin/sessions.ts';
import { ManualClock } from '../../../support/manual-clock.ts';

/** The namespace with operators who have connected, as far as their ends are concerned. */
function setUp() {
  const clock = new ManualClock();
  const sockets = new Map<string, { readonly data: { readonly session: OperatorSession }; disconnect(): void }>();
  const sessions = new Sessions(clock.now, (session) => namespace.end(session));
  const namespace = new AdminNamespace({
    io: { of: () => ({ sockets, use: () => undefined, on: () => undefined }) } as unknown as AdminNamespacePorts['io'],
    engine: new EventEmitter() as unknown as AdminNamespacePorts['engine'],
    sessions,
    origins: { host: '127.0.0.1', corsOrigins: [] },
    attend: () => undefined,
    schedule: clock.schedule,
  });
  return {
    clock,
    namespace,
    connected: () => [...sockets.keys()],
    connect: (name: string) => {
      const { session } = sessions.start('admin', '127.0.0.1');
      sockets.set(name, { data: { session }, disconnect: () => sockets.delete(name) });
    },
  };
}

test('what came by a session is closed ten seconds after that has run out, at the latest', async () => {
  const { clock, connect, connected } = setUp();
  connect('first');
  await clock.advance(60_000);
  connect('second');
  await clock.advance(sessionMs - 60_000 - 1);
  expect(connected()).toEqual(['first', 'second']);
  await clock.advance(10_000);
  expect(connected()).toEqual(['second']);
  // Also where a login has cleared away what had run out.
  await clock.advance(50_000);
  connect('third');
  await clock.advance(10_000);
  expect(connected()).toEqual(['third']);
});

test('once it is closed nothing is looked at any more', async () => {
  const { clock, namespace, connect, connected } = setUp();
  connect('only');
  namespace.close();
  expect(connected()).toEqual([]);
  await clock.advance(10_000);
  expect(clock.pending).toEqual([]);
});
