import type { Connection } from '../../connection/connection.ts';
import type { Rooms } from '../../fanout/rooms.ts';
import { root } from './inspector-protocol.ts';
import type { SocketChange, SocketLine } from './inspector-protocol.ts';

/** What pages of the official UI can hold, and stay fluent: it searches lists, and draws much of them for each change. */
export const viewLimits = {
  sockets: 1000,
  roomsEach: 20,
  rooms: 10_000,
  /** All of it as JSON: half of what a connection may be owed. */
  bytes: 512 * 1024 - 2,
  /** Rooms leave so much to each connection that there is and may be listed. */
  reservedBytes: 400,
};
export type ViewLimits = typeof viewLimits;

const maxTextLength = 64;
/** For more digits there is no room. */
const maxHidden = 99_999;
/** Socket.IO has a room for each socket. */
const ownRooms = 1;

interface ListedSocket {
  readonly connection: Connection;
  /** As it was when it was listed, but for its rooms. */
  readonly line: SocketLine;
  readonly bytes: number;
  readonly rooms: Set<string>;
  transport: string;
  /** Threads that are not told. */
  hidden: number;
}

/**
 * What pages of the official UI hold of the connections and threads of this node: at most so much of each, and whatever is
 * held stays held while it is true, however many others come and go. It learns what is true only when it is asked to: joining,
 * leaving and announcing know nothing of it.
 */
export class ConnectionView {
  readonly #rooms: Pick<Rooms, 'connections' | 'roomsOf'>;
  readonly #limits: ViewLimits;
  /** By their Socket.IO ids. */
  readonly #listed = new Map<string, ListedSocket>();
  #roomCount = 0;
  #roomBytes = 0;
  #socketBytes = 0;
  #snapshot: readonly SocketLine[] | undefined;

  constructor(rooms: Pick<Rooms, 'connections' | 'roomsOf'>, limits: ViewLimits = viewLimits) {
    this.#rooms = rooms;
    this.#limits = limits;
  }

  /** All that is held. */
  get snapshot(): readonly SocketLine[] {
    return (this.#snapshot ??= [...this.#listed.values()].map(lineWithRooms));
  }

  /**
   * Holds what is true now. Returns what that changed, for pages that held what was held before, or undefined where it is
   * more than `maxChanges`: then they need a snapshot.
   */
  advance(maxChanges: number, now: number): readonly SocketChange[] | undefined {
    const changes: SocketChange[] = [];
    let count = 0;
    for (const change of this.#advance(new Date(now).toISOString())) {
      if (++count <= maxChanges) changes.push(change);
    }
    if (count > 0) this.#snapshot = undefined;
    return count <= maxChanges ? changes : undefined;
  }

  *#advance(at: string): Generator<SocketChange> {
    const { connections } = this.#rooms;
    // First what makes room for others.
    for (const [id, listed] of this.#listed) {
      if (connections.get(id) !== listed.connection) yield* this.#remove(id, listed, at);
    }
    for (const [id, listed] of this.#listed) yield* this.#update(id, listed, at);
    for (const connection of connections.values()) {
      if (this.#listed.size >= this.#limits.sockets) return;
      if (this.#listed.has(connection.socketId)) continue;
      const listed = this.#list(connection);
      if (!listed) return;
      yield ['socket_connected', lineWithRooms(listed), at];
    }
  }

  *#remove(id: string, listed: ListedSocket, at: string): Generator<SocketChange> {
    // The page would keep it in its rooms otherwise.
    for (const room of listed.rooms) {
      this.#drop(listed, room);
      yield ['room_left', root, room, id, at];
    }
    this.#listed.delete(id);
    this.#socketBytes -= listed.bytes;
    yield ['socket_disconnected', root, id, 'closed', at];
  }

  *#update(id: string, listed: ListedSocket, at: string): Generator<SocketChange> {
    const rooms = this.#rooms.roomsOf(listed.connection);
    for (const room of listed.rooms) {
      if (rooms.has(room)) continue;
      this.#drop(listed, room);
      yield ['room_left', root, room, id, at];
    }
    for (const room of this.#add(listed, rooms)) yield ['room_joined', root, room, id, at];
    const { transport } = listed.connection.facts;
    const hidden = hiddenOf(listed, rooms);
    if (transport === listed.transport && hidden === listed.hidden) return;
    Object.assign(listed, { transport, hidden });
    yield ['socket_updated', { id, nsp: root, transport, data: { more_threads: hidden } }];
  }

  #list(connection: Connection): ListedSocket | undefined {
    const line = lineOf(connection);
    const bytes = Buffer.byteLength(JSON.stringify(line)) + 1;
    if (this.#socketBytes + this.#roomBytes + bytes > this.#limits.bytes) return undefined;
    this.#socketBytes += bytes;
    const { transport } = connection.facts;
    const listed: ListedSocket = { connection, line, bytes, rooms: new Set(), transport, hidden: 0 };
    const rooms = this.#rooms.roomsOf(connection);
    this.#add(listed, rooms);
    listed.hidden = hiddenOf(listed, rooms);
    this.#listed.set(connection.socketId, listed);
    return listed;
  }

  /** Adds rooms as far as there is room; returns those added. It looks at no more than may be held, and one. */
  #add({ connection, rooms: held }: ListedSocket, rooms: ReadonlySet<string>): readonly string[] {
    const added: string[] = [];
    if (rooms.size - ownRooms <= held.size) return added;
    const { sockets, roomsEach, rooms: maxRooms, bytes: maxBytes, reservedBytes } = this.#limits;
    const reserved = reservedBytes * Math.min(sockets, this.#rooms.connections.size);
    const left = maxBytes - Math.max(this.#socketBytes, reserved);
    for (const room of rooms) {
      if (room === connection.socketId || held.has(room)) continue;
      const bytes = roomBytes(room);
      if (held.size >= roomsEach || this.#roomCount >= maxRooms || this.#roomBytes + bytes > left) break;
      held.add(room);
      this.#roomCount += 1;
      this.#roomBytes += bytes;
      added.push(room);
    }
    return added;
  }

  #drop({ rooms }: ListedSocket, room: string): void {
    rooms.delete(room);
    this.#roomCount -= 1;
    this.#roomBytes -= roomBytes(room);
  }
}

function hiddenOf({ rooms: held }: ListedSocket, rooms: ReadonlySet<string>): number {
  return Math.min(maxHidden, Math.max(0, rooms.size - ownRooms - held.size));
}

/** Ids and names of threads need no escapes; around each are quotes and a comma. */
function roomBytes(room: string): number {
  return room.length + 3;
}

function lineWithRooms({ line, transport, hidden, rooms }: ListedSocket): SocketLine {
  return { ...line, transport, data: { ...line.data, more_threads: hidden }, rooms: [...rooms] };
}

/** The longest that it can be without rooms. */
function lineOf({ socketId, clientId, client, identity, facts }: Connection): SocketLine {
  const { id, name } = identity.user;
  return {
    id: socketId,
    clientId,
    transport: 'websocket',
    nsp: root,
    data: {
      user: id,
      name: name === undefined ? null : shortened(name),
      client: client ? shortened([client.name, client.version].filter(Boolean).join(' ')) : null,
      more_threads: maxHidden,
    },
    // The one thing that each list shows besides ids: who it is would take a click per socket otherwise.
    handshake: { address: `${facts.address} (${id})`, headers: {}, query: {}, issued: facts.connectedAt },
    rooms: [],
  };
}

function shortened(text: string): string {
  return text.slice(0, maxTextLength).toWellFormed();
}
