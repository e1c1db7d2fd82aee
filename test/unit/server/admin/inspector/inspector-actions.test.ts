import { describe, expect, test } from '@jest/globals';
import type { OperatorSocket } from '../../../../../server/src/admin/admin-namespace.ts';
import type { AuditRecord } from '../../../../../server/src/admin/audit.ts';
import { InspectorActions } from '../../../../../server/src/admin/inspector/inspector-actions.ts';
import { FakeApp, actorOf } from '../../../../support/fake-services.ts';
import { turn } from '../../../../support/manual-clock.ts';
import { upTo } from '../../../../support/store-ops.ts';

/** An operator and a thread with so many in it. */
async function setUp(members: number) {
  const app = new FakeApp();
  const noted: AuditRecord[] = [];
  const listeners = new Map<string, (...args: unknown[]) => void>();
  const socket = {
    data: { session: { username: 'admin' } },
    handshake: { address: '::ffff:127.0.0.1' },
    on: (event: string, listener: (...args: unknown[]) => void) => listeners.set(event, listener),
  };
  const actions = new InspectorActions({
    services: app.services,
    audit: { record: (record) => noted.push(record) },
    mayAct: () => true,
  });
  actions.attend(socket as unknown as OperatorSocket);
  await app.thread('t', 'user-1');
  const clients = upTo(members).map((n) => app.connect(actorOf(`user-${n}`)));
  for (const client of clients) await client.request('subscribe_thread', { thread_id: 't' });
  return {
    app,
    clients,
    noted,
    press: (event: string, ...args: unknown[]) => listeners.get(event)!(...args),
    /** How many were told something, in each turn of the loop until it is noted what was done. */
    perTurn: async (): Promise<number[]> => {
      const counts: number[] = [];
      const told = () => clients.filter(({ link }) => link.errors.length > 0).length;
      for (let before = 0; noted.length === 0; before = told()) {
        await turn();
        counts.push(told() - before);
      }
      return counts;
    },
  };
}

describe('a thread of many', () => {
  test.each([
    ['is emptied', ['leave', '/', 'thread:t'], 'empty_thread', false],
    ['is disconnected', ['_disconnect', '/', false, 'thread:t'], 'disconnect_thread', true],
  ] as const)(
    '%s a hundred at a time, and others are served between',
    async (_what, [event, ...args], action, fatal) => {
      const { app, clients, noted, press, perTurn } = await setUp(250);
      press(event, ...args);
      const counts = (await perTurn()).filter((count) => count > 0);
      expect(counts).toEqual([100, 100, 50]);
      expect(noted).toMatchObject([{ action, target: 't', outcome: 'ok', detail: '250 connections' }]);
      for (const { link, connection } of clients) {
        expect(link.errors).toMatchObject([{ code: 'forbidden' }]);
        expect([link.errors[0]!.fatal === true, link.state]).toEqual(fatal ? [true, 'disconnected'] : [false, 'open']);
        if (!fatal) expect(connection.subscriptions.size).toBe(0);
      }
      expect(app.services.rooms.isEmpty('t')).toBe(true);
    },
  );

  test('leaves alone who has left by itself before its turn', async () => {
    const { app, clients, press, perTurn } = await setUp(150);
    press('leave', '/', 'thread:t');
    await turn();
    const last = clients.at(-1)!;
    expect(clients.map(({ link }) => link.errors.length).filter(Boolean)).toHaveLength(100);
    await last.request('unsubscribe_thread', { thread_id: 't' });
    await perTurn();
    expect(last.link.errors).toEqual([]);
    expect(app.services.rooms.isEmpty('t')).toBe(true);
  });
});

describe('what nobody foresaw', () => {
  test('is noted as failed, and rejects nothing', async () => {
    const { app, noted, press } = await setUp(1);
    app.store.threads = () => Promise.reject(new Error('oh no'));
    press('leave', '/', 'thread:t');
    await turn();
    expect(noted).toMatchObject([{ action: 'empty_thread', target: 't', outcome: 'failed', detail: 'internal' }]);
    expect(app.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
  });
});
