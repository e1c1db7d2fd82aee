import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ConnectionView, viewLimits } from '../../../../../server/src/admin/inspector/connection-view.ts';
import type { SocketChange, SocketLine } from '../../../../../server/src/admin/inspector/inspector-protocol.ts';
import { Connection } from '../../../../../server/src/connection/connection.ts';
import type { ConnectionFacts } from '../../../../../server/src/connection/connection.ts';
import { TokenBucket } from '../../../../../server/src/connection/token-bucket.ts';
import { FakeLink } from '../../../../support/fake-link.ts';
import { actorOf, identityOf } from '../../../../support/fake-services.ts';
import { upTo } from '../../../../support/store-ops.ts';

/** A client's end whose transport may change. */
class UpgradableLink extends FakeLink {
  transport = 'polling';

  override get facts(): ConnectionFacts {
    return { ...super.facts, transport: this.transport };
  }
}

/** Connections and the rooms that they are in; it counts how often somebody looks. */
class FakeRooms {
  readonly connections = new Map<string, Connection>();
  readonly links = new Map<string, UpgradableLink>();
  readonly #rooms = new Map<string, Set<string>>();
  looks = 0;

  connect(id: string, name?: string): void {
    const link = new UpgradableLink(id);
    const connection = new Connection({
      clientId: `client-of-${id}`,
      link,
      identity: identityOf(actorOf(`user-of-${id}`, name === undefined ? {} : { name })),
      client: { name: 'probe', version: '1' },
      bucket: new TokenBucket(0, 0, 0),
    });
    this.links.set(id, link);
    this.connections.set(id, connection);
    this.#rooms.set(id, new Set([id]));
  }

  disconnect(id: string): void {
    this.connections.delete(id);
    this.#rooms.delete(id);
  }

  join(id: string, threadId: string): void {
    this.#rooms.get(id)?.add(`thread:${threadId}`);
  }

  leave(id: string, threadId: string): void {
    this.#rooms.get(id)?.delete(`thread:${threadId}`);
  }

  roomsOf({ socketId }: Connection): ReadonlySet<string> {
    this.looks += 1;
    return this.#rooms.get(socketId) ?? new Set();
  }

  /** Of threads. */
  threadRooms(id: string): string[] {
    return [...this.#rooms.get(id)!].filter((room) => room !== id).sort();
  }
}

interface PageSocket extends Omit<SocketLine, 'rooms'> {
  readonly rooms: string[];
}

/** What the official UI makes of what it is told, its carelessness included. */
class PageModel {
  readonly sockets = new Map<string, PageSocket>();
  /** The sockets of each room, as often as they were put into it. */
  readonly rooms = new Map<string, string[]>();

  allSockets(lines: readonly SocketLine[]): void {
    this.sockets.clear();
    this.rooms.clear();
    for (const line of lines) this.#add(line);
  }

  apply(change: SocketChange): void {
    switch (change[0]) {
      case 'socket_connected':
        this.#add(change[1]);
        return;
      case 'socket_updated': {
        const { id, transport, data } = change[1];
        const known = this.sockets.get(id);
        if (known) this.sockets.set(id, { ...known, transport, data: { ...known.data, ...data } });
        return;
      }
      case 'socket_disconnected':
        this.sockets.delete(change[2]);
        return;
      case 'room_joined': {
        const [, , room, id] = change;
        const socket = this.sockets.get(id);
        if (!socket) return;
        if (!socket.rooms.includes(room)) socket.rooms.push(room);
        this.rooms.set(room, [...(this.rooms.get(room) ?? []), id]);
        return;
      }
      case 'room_left': {
        const [, , room, id] = change;
        const socket = this.sockets.get(id);
        if (socket?.rooms.includes(room)) socket.rooms.splice(socket.rooms.indexOf(room), 1);
        const members = this.rooms.get(room) ?? [];
        if (members.includes(id)) members.splice(members.indexOf(id), 1);
        if (members.length === 0) this.rooms.delete(room);
      }
    }
  }

  /** In no order. */
  get state() {
    const sockets = [...this.sockets.values()].map((socket) => ({ ...socket, rooms: socket.rooms.toSorted() }));
    const rooms = [...this.rooms].map(([name, members]) => [name, members.toSorted()] as const);
    return {
      sockets: sockets.sort((a, b) => (a.id < b.id ? -1 : 1)),
      rooms: rooms.sort(([a], [b]) => (a < b ? -1 : 1)),
    };
  }

  #add(line: SocketLine): void {
    if (!this.sockets.has(line.id)) this.sockets.set(line.id, { ...line, rooms: [...line.rooms] });
    for (const room of line.rooms) {
      const members = this.rooms.get(room) ?? [];
      if (!members.includes(line.id)) this.rooms.set(room, [...members, line.id]);
    }
  }
}

const all = Infinity;
const small = { sockets: 4, roomsEach: 3, rooms: 8, bytes: 1700, reservedBytes: 330 };

type Step = (rooms: FakeRooms) => void;

const socketId = fc.integer({ min: 0, max: 7 }).map((n) => `s${n}`);
const threadId = fc.integer({ min: 0, max: 6 }).map((n) => `t${n}`);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(socketId, fc.option(fc.string({ maxLength: 90 }))).map(([id, name]): Step => (rooms) => {
    if (!rooms.connections.has(id)) rooms.connect(id, name ?? undefined);
  }),
  socketId.map(
    (id): Step =>
      (rooms) =>
        rooms.disconnect(id),
  ),
  // Somebody comes by the same id as another had.
  socketId.map((id): Step => (rooms) => {
    rooms.disconnect(id);
    rooms.connect(id);
  }),
  fc.tuple(socketId, threadId).map(
    ([id, thread]): Step =>
      (rooms) =>
        rooms.join(id, thread),
  ),
  fc.tuple(socketId, threadId).map(
    ([id, thread]): Step =>
      (rooms) =>
        rooms.join(id, thread),
  ),
  fc.tuple(socketId, threadId).map(
    ([id, thread]): Step =>
      (rooms) =>
        rooms.leave(id, thread),
  ),
  socketId.map((id): Step => (rooms) => {
    const link = rooms.links.get(id);
    if (link) link.transport = 'websocket';
  }),
);
const rounds = fc.array(fc.array(step, { maxLength: 12 }), { maxLength: 12 });

describe('a page that is told of changes', () => {
  test('comes to hold what is true, whatever happens', () => {
    fc.assert(
      fc.property(rounds, (rounds) => {
        const rooms = new FakeRooms();
        const view = new ConnectionView(rooms);
        const page = new PageModel();
        page.allSockets(view.snapshot);
        for (const steps of rounds) {
          for (const apply of steps) apply(rooms);
          for (const change of view.advance(all, 0)!) page.apply(change);
          expect(page.state).toEqual(truth(rooms));
        }
      }),
    );
  });

  test('holds the same as one that is sent all, and never more than the limits', () => {
    fc.assert(
      fc.property(rounds, fc.integer({ min: 0, max: 30 }), (rounds, maxChanges) => {
        const rooms = new FakeRooms();
        const view = new ConnectionView(rooms, small);
        const page = new PageModel();
        for (const steps of rounds) {
          for (const apply of steps) apply(rooms);
          const changes = view.advance(maxChanges, 0);
          expect(changes?.length ?? 0).toBeLessThanOrEqual(maxChanges);
          if (changes) for (const change of changes) page.apply(change);
          else page.allSockets(view.snapshot);
          const sentAll = new PageModel();
          sentAll.allSockets(view.snapshot);
          expect(page.state).toEqual(sentAll.state);
          checkLimits(view, rooms);
        }
      }),
    );
  });

  test('keeps what it holds while that is true, and gets others where there is room again', () => {
    const rooms = new FakeRooms();
    const view = new ConnectionView(rooms, { ...viewLimits, sockets: 2, roomsEach: 2 });
    for (const id of ['a', 'b', 'c']) rooms.connect(id);
    for (const thread of ['1', '2', '3']) rooms.join('a', thread);
    view.advance(all, 0);
    expect(shown(view)).toEqual({ a: ['thread:1', 'thread:2'], b: [] });
    expect(view.snapshot[0]!.data.more_threads).toBe(1);
    rooms.leave('a', '1');
    rooms.disconnect('b');
    expect(view.advance(all, 0)!.map(([event, ...args]) => [event, ...args.filter(isText)])).toEqual([
      ['socket_disconnected', '/', 'b', 'closed', at],
      ['room_left', '/', 'thread:1', 'a', at],
      ['room_joined', '/', 'thread:3', 'a', at],
      ['socket_updated'],
      ['socket_connected', at],
    ]);
    expect(shown(view)).toEqual({ a: ['thread:2', 'thread:3'], c: [] });
  });

  test('is told that somebody left each room before it is told that it is gone', () => {
    const rooms = new FakeRooms();
    const view = new ConnectionView(rooms);
    rooms.connect('a');
    for (const thread of ['1', '2']) rooms.join('a', thread);
    view.advance(all, 0);
    rooms.disconnect('a');
    expect(view.advance(all, 0)).toEqual([
      ['room_left', '/', 'thread:1', 'a', at],
      ['room_left', '/', 'thread:2', 'a', at],
      ['socket_disconnected', '/', 'a', 'closed', at],
    ]);
  });

  test('is told nothing where nothing changed', () => {
    const rooms = new FakeRooms();
    const view = new ConnectionView(rooms);
    for (const n of upTo(50)) rooms.connect(`s${n}`);
    expect(view.advance(all, 0)).toHaveLength(50);
    const { snapshot } = view;
    expect(view.advance(0, 0)).toEqual([]);
    expect(view.snapshot).toBe(snapshot);
  });
});

describe('of many connections', () => {
  test('so much is listed that a page can hold it, and a connection may be owed it twice', () => {
    const rooms = crowd(5000, 40, '\u0001');
    const view = new ConnectionView(rooms);
    view.advance(0, 0);
    checkLimits(view, rooms);
    expect(view.snapshot.length).toBeGreaterThan(300);
    expect(Buffer.byteLength(JSON.stringify(view.snapshot))).toBeLessThanOrEqual(512 * 1024);
  });

  test('a thousand are listed with their threads where names are of the usual length', () => {
    const rooms = crowd(5000, 2, 'a');
    const view = new ConnectionView(rooms);
    view.advance(0, 0);
    checkLimits(view, rooms);
    expect(view.snapshot).toHaveLength(1000);
    expect(view.snapshot.every(({ rooms: listed }) => listed.length === 2)).toBe(true);
  });

  test('few may be in many threads, and leave no less to those who come', () => {
    const rooms = crowd(200, 20, 'a');
    const view = new ConnectionView(rooms);
    view.advance(0, 0);
    expect(view.snapshot.every(({ rooms: listed }) => listed.length === 20)).toBe(true);
    for (const n of upTo(800)) rooms.connect(`later-${n}`);
    view.advance(0, 0);
    expect(view.snapshot).toHaveLength(1000);
    checkLimits(view, rooms);
  });

  test('only those are looked at that are listed', () => {
    const rooms = crowd(5000, 2, 'a');
    const view = new ConnectionView(rooms);
    view.advance(0, 0);
    expect(rooms.looks).toBe(1000);
    rooms.looks = 0;
    view.advance(20, 0);
    expect(rooms.looks).toBe(1000);
  });

  test('no more of the rooms of one are looked at than may be listed', () => {
    const rooms = new FakeRooms();
    rooms.connect('a');
    for (const n of upTo(1000)) rooms.join('a', `t${n}`);
    let seen = 0;
    const counting = {
      connections: rooms.connections,
      roomsOf: (connection: Connection) => counted(rooms.roomsOf(connection), () => (seen += 1)),
    };
    const view = new ConnectionView(counting);
    for (let i = 0; i < 10; i++) view.advance(all, 0);
    expect(shown(view)['a']).toHaveLength(20);
    expect(seen).toBeLessThanOrEqual(10 * 22);
  });
});

const at = '1970-01-01T00:00:00.000Z';

/** What a page holds that holds everything. */
function truth(rooms: FakeRooms): PageModel['state'] {
  const page = new PageModel();
  page.allSockets(
    [...rooms.connections.values()].map(({ socketId: id, clientId, identity: { user } }) => ({
      id,
      clientId,
      transport: rooms.links.get(id)!.transport,
      nsp: '/' as const,
      data: {
        user: user.id,
        name: user.name === undefined ? null : user.name.slice(0, 64).toWellFormed(),
        client: 'probe 1',
        more_threads: 0,
      },
      handshake: { address: `127.0.0.1 (${user.id})`, headers: {}, query: {}, issued: 0 },
      rooms: rooms.threadRooms(id),
    })),
  );
  return page.state;
}

function checkLimits(view: ConnectionView, rooms: FakeRooms): void {
  const limits = rooms.connections.size > 8 ? viewLimits : small;
  const { snapshot } = view;
  const listed = snapshot.flatMap((socket) => socket.rooms);
  expect(snapshot.length).toBeLessThanOrEqual(limits.sockets);
  expect(listed.length).toBeLessThanOrEqual(limits.rooms);
  expect(Buffer.byteLength(JSON.stringify(snapshot))).toBeLessThanOrEqual(limits.bytes + 2);
  for (const socket of snapshot) {
    expect(socket.rooms.length).toBeLessThanOrEqual(limits.roomsEach);
    const held = rooms.threadRooms(socket.id);
    expect(held).toEqual(expect.arrayContaining([...socket.rooms]));
    expect(socket.data.more_threads).toBe(held.length - socket.rooms.length);
  }
}

function shown(view: ConnectionView): Record<string, readonly string[]> {
  return Object.fromEntries(view.snapshot.map(({ id, rooms }) => [id, rooms]));
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

/** Connections, each in so many threads of its own, whose names are made of this. */
function crowd(size: number, threadsEach: number, letter: string): FakeRooms {
  const rooms = new FakeRooms();
  for (const n of upTo(size)) {
    const id = `s${n}`.padEnd(20, 'x');
    rooms.connect(id, letter.repeat(letter === 'a' ? 12 : 64));
    for (const t of upTo(threadsEach)) rooms.join(id, `${n}-${t}`.padEnd(36, 'x'));
  }
  return rooms;
}

/** The set, but each of its members that is taken out of it is counted. */
function counted(set: ReadonlySet<string>, count: () => void): ReadonlySet<string> {
  return {
    size: set.size,
    has: (value: string) => set.has(value),
    *[Symbol.iterator]() {
      for (const value of set) {
        count();
        yield value;
      }
    },
  } as unknown as ReadonlySet<string>;
}
