import { describe, expect, test } from '@jest/globals';
import type { OperatorSocket } from '../../../../../server/src/admin/admin-namespace.ts';
import { Inspector } from '../../../../../server/src/admin/inspector/inspector.ts';
import type { SocketLine, ServerStats } from '../../../../../server/src/admin/inspector/inspector-protocol.ts';
import { Traffic } from '../../../../../server/src/connection/traffic.ts';
import { ManualClock } from '../../../../support/manual-clock.ts';
import { FakeApp, actorOf } from '../../../../support/fake-services.ts';
import { upTo } from '../../../../support/store-ops.ts';

/** An operator's page: what it was sent, and whether it has taken it. */
class FakePage {
  readonly id: string;
  readonly told: (readonly [event: string, ...args: unknown[]])[] = [];
  isBehind = false;
  readonly #all: Map<string, FakePage>;
  #onDisconnect: () => void = () => undefined;

  constructor(id: string, all: Map<string, FakePage>) {
    this.id = id;
    this.#all = all;
    all.set(id, this);
  }

  get socket(): OperatorSocket {
    return this as unknown as OperatorSocket;
  }

  on(_event: 'disconnect', listener: () => void): void {
    this.#onDisconnect = listener;
  }

  emit(event: string, ...args: unknown[]): void {
    this.told.push([event, ...args]);
  }

  get nsp() {
    return {
      to: (ids: readonly string[]) => ({
        emit: (event: string, ...args: unknown[]) => {
          for (const id of ids) this.#all.get(id)!.emit(event, ...args);
        },
      }),
    };
  }

  disconnect(): void {
    this.#all.delete(this.id);
    this.#onDisconnect();
  }

  /** How many of each event it was sent since this was last asked for. */
  take(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const [event] of this.told.splice(0)) counts[event] = (counts[event] ?? 0) + 1;
    return counts;
  }
}

function setUp() {
  const clock = new ManualClock();
  const app = new FakeApp();
  const traffic = new Traffic();
  const pages = new Map<string, FakePage>();
  let looks = 0;
  const { rooms } = app.services;
  const inspector = new Inspector({
    rooms: {
      connections: rooms.connections,
      roomsOf: (connection) => {
        looks += 1;
        return rooms.roomsOf(connection);
      },
    },
    serverId: 'node-1',
    counts: () => ({ connections: rooms.connections.size, polling: 0, clients: rooms.connections.size, operators: 1 }),
    traffic,
    isBehind: (socket) => (socket as unknown as FakePage).isBehind,
    now: clock.now,
    schedule: clock.schedule,
  });
  return {
    clock,
    traffic,
    looks: () => looks,
    connect: (count: number) => upTo(count).map((n) => app.connect(actorOf(`user-${n}`))),
    open: (id: string) => {
      const page = new FakePage(id, pages);
      inspector.attend(page.socket);
      return page;
    },
  };
}

const listed = (page: FakePage): number =>
  (page.told.findLast(([event]) => event === 'all_sockets')![1] as SocketLine[]).length;

describe('while nobody watches', () => {
  test('nothing is looked at, and nothing scheduled', async () => {
    const { clock, connect, looks } = setUp();
    connect(3);
    await clock.advance(10_000);
    expect([looks(), clock.pending]).toEqual([0, []]);
  });

  test('that is so again as soon as the last page has gone', async () => {
    const { clock, connect, open, looks } = setUp();
    connect(3);
    const pages = [open('a'), open('b')];
    await clock.advance(5000);
    expect(clock.pending).toHaveLength(1);
    for (const page of pages) page.disconnect();
    const before = looks();
    await clock.advance(10_000);
    expect([looks(), clock.pending]).toEqual([before, []]);
  });

  test('a page that comes back before the next look gets what is there now, and there is one timer', async () => {
    const { clock, connect, open } = setUp();
    open('a').disconnect();
    connect(3);
    const page = open('b');
    expect(listed(page)).toBe(3);
    await clock.advance(3000);
    expect(clock.pending).toHaveLength(1);
  });
});

describe('a page', () => {
  test('is sent no more than twenty changes a second, and instead of more all sockets, every five seconds at most', async () => {
    const { clock, connect, open } = setUp();
    const page = open('a');
    expect(page.take()).toEqual({ config: 1, server_stats: 1, socket_updated: 1, all_sockets: 1 });
    connect(20);
    await clock.advance(1000);
    expect(page.take()).toEqual({ socket_connected: 20 });
    connect(21);
    await clock.advance(1000);
    expect(page.take()).toEqual({ server_stats: 1 });
    for (let i = 0; i < 20; i++) {
      connect(21);
      await clock.advance(1000);
    }
    const { all_sockets, ...others } = page.take();
    expect(others).toEqual({ server_stats: 10 });
    expect(all_sockets).toBe(4);
  });

  test('is sent changes again after it got all sockets, none of them twice', async () => {
    const { clock, connect, open } = setUp();
    const page = open('a');
    connect(50);
    await clock.advance(5000);
    expect(listed(page)).toBe(50);
    page.take();
    connect(1);
    await clock.advance(1000);
    expect(page.take()).toEqual({ socket_connected: 1, server_stats: 1 });
  });

  test('that does not keep up is sent nothing of sockets until it does, and then all of them', async () => {
    const { clock, connect, open } = setUp();
    const [slow, fast] = [open('slow'), open('fast')];
    for (const page of [slow, fast]) page.take();
    slow.isBehind = true;
    for (let i = 0; i < 10; i++) {
      connect(1);
      await clock.advance(1000);
    }
    expect([slow.take(), fast.take()]).toEqual([{ server_stats: 5 }, { socket_connected: 10, server_stats: 5 }]);
    slow.isBehind = false;
    connect(1);
    await clock.advance(1000);
    expect(listed(slow)).toBe(11);
    expect([slow.take(), fast.take()]).toEqual([{ all_sockets: 1 }, { socket_connected: 1 }]);
  });

  test('is sent the traffic of each two seconds once, whoever else watches', async () => {
    const { clock, traffic, open } = setUp();
    const first = open('a');
    traffic.sentBytes += 100;
    await clock.advance(1000);
    const second = open('b');
    await clock.advance(1000);
    traffic.sentBytes += 11;
    traffic.disconnections += 1;
    await clock.advance(2000);
    const told = (page: FakePage) =>
      page.told
        .filter(([event]) => event === 'server_stats')
        .map(([, stats]) => (stats as ServerStats).aggregatedEvents.map(({ type, count }) => `${count} ${type}`));
    expect(told(first)).toEqual([[], ['100 bytesOut'], ['1 rawDisconnection', '11 bytesOut']]);
    expect(told(second)).toEqual(told(first));
  });
});
