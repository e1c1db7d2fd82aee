import type { DefaultEventsMap, Namespace, Server, Socket } from 'socket.io';
import type { ClientToServerEvents, ServerEvent, ServerPayload, ServerToClientEvents } from '@threadwire/protocol';
import type { Connection } from '../connection/connection.ts';
import type { Announcement, TextChange } from '../threads/durable-event.ts';
import { RoomAdapter } from './room-adapter.ts';

/** Nothing is kept on sockets: whoever inspects them sees `socket.data`. */
type SocketData = Record<string, never>;
export type ThreadIo = Server<ClientToServerEvents, ServerToClientEvents, DefaultEventsMap, SocketData>;
export type ThreadNamespace = Namespace<ClientToServerEvents, ServerToClientEvents, DefaultEventsMap, SocketData>;
export type ThreadSocket = Socket<ClientToServerEvents, ServerToClientEvents, DefaultEventsMap, SocketData>;

/** The room of a thread. One to one: a thread's id is in it unchanged, behind a prefix that no other room has. */
function roomOf(threadId: string): string {
  return `thread:${threadId}`;
}

/** The thread whose room this is, if it is one's. */
export function threadOfRoom(room: string): string | undefined {
  const prefix = roomOf('');
  return room.startsWith(prefix) ? room.slice(prefix.length) : undefined;
}

const noRooms: ReadonlySet<string> = new Set();

/**
 * Which connections of this node are in which thread. The only place that names Socket.IO rooms, and the only caller of
 * `io.to()`; everything is said in threads and connections.
 */
export class Rooms {
  readonly #namespace: ThreadNamespace;
  readonly #connections = new Map<string, Connection>();
  /** The names of the rooms that there are: one string each, however many connections are in it. */
  readonly #names = new Map<string, string>();

  constructor(namespace: ThreadNamespace) {
    this.#namespace = namespace;
    this.onEmpty((threadId) => this.#names.delete(threadId));
  }

  /** Every connection of this node, by its Socket.IO id. */
  get connections(): ReadonlyMap<string, Connection> {
    return this.#connections;
  }

  /** The threads of each connection, added up. */
  get subscriptions(): number {
    let count = 0;
    for (const { subscriptions } of this.#connections.values()) count += subscriptions.size;
    return count;
  }

  /** Events of threads given to connections so far. */
  get deliveries(): number {
    return this.#adapter?.deliveries ?? 0;
  }

  /** What connections were sent, and have not taken. */
  get undeliveredBytes(): number {
    return this.#adapter?.undeliveredBytes ?? 0;
  }

  add(connection: Connection): void {
    this.#connections.set(connection.socketId, connection);
  }

  /** The connection has closed; Socket.IO has taken it out of its rooms already. */
  remove(connection: Connection): void {
    this.#connections.delete(connection.socketId);
  }

  join(threadId: string, connection: Connection): void {
    let room = this.#names.get(threadId);
    if (room === undefined) {
      room = roomOf(threadId);
      this.#names.set(threadId, room);
    }
    void this.#namespace.sockets.get(connection.socketId)?.join(room);
  }

  leave(threadId: string, connection: Connection): void {
    void this.#namespace.sockets.get(connection.socketId)?.leave(roomOf(threadId));
  }

  /** The connections of this node that are in the thread. */
  members(threadId: string): Connection[] {
    const ids = this.#namespace.adapter.rooms.get(roomOf(threadId)) ?? [];
    return [...ids].flatMap((id) => this.#connections.get(id) ?? []);
  }

  isMember(threadId: string, connection: Connection): boolean {
    return this.#namespace.adapter.rooms.get(roomOf(threadId))?.has(connection.socketId) ?? false;
  }

  /** The rooms of the threads that a connection is in, and its own, by their names: for operators, who see rooms. */
  roomsOf(connection: Connection): ReadonlySet<string> {
    return this.#namespace.adapter.sids.get(connection.socketId) ?? noRooms;
  }

  /** Whether no connection of this node is in the thread. */
  isEmpty(threadId: string): boolean {
    return !this.#namespace.adapter.rooms.has(roomOf(threadId));
  }

  /** Calls back when the last connection of this node has left a thread. */
  onEmpty(listener: (threadId: string) => void): void {
    this.#namespace.adapter.on('delete-room', (room: string) => {
      const threadId = threadOfRoom(room);
      if (threadId !== undefined) listener(threadId);
    });
  }

  /** Sends a change, or text, to everybody in its thread. */
  publish({ threadId, event, payload }: Announcement): void {
    // Text may be left out for those who do not keep up: it can be made up for.
    this.#send(roomOf(threadId), event, payload, event === 'stream_chunk');
  }

  /** Calls back where a connection was left out when text was announced; it gets no more until {@link makeUp}. */
  onTextSkipped(listener: (connection: Connection, payload: TextChange['payload']) => void): void {
    const adapter = this.#adapter;
    if (!adapter) return;
    adapter.onSkipped = (id, { data }) => {
      const [event, payload] = data as [string, TextChange['payload']];
      const connection = this.#connections.get(id);
      if (!connection || event !== 'stream_chunk') return false;
      listener(connection, payload);
      return true;
    };
  }

  /** Whether what was sent to the connection waits for it to read. */
  isBacklogged(connection: Connection): boolean {
    return this.#adapter?.isBacklogged(connection.socketId) ?? false;
  }

  /** From now on it is known who was left out when text of the thread was announced. */
  settle(threadId: string): void {
    this.#adapter?.settle(roomOf(threadId));
  }

  /** Has `send` send what a connection was left out of; where it answers true that was all. */
  makeUp(connection: Connection, send: () => boolean): void {
    this.#adapter?.makeUp(connection.socketId, send);
  }

  get #adapter(): RoomAdapter | undefined {
    const { adapter } = this.#namespace;
    return adapter instanceof RoomAdapter ? adapter : undefined;
  }

  /** Sends an event to these connections; it is encoded once for all of them. */
  sendTo<E extends ServerEvent>(connections: readonly Connection[], event: E, payload: ServerPayload<E>): void {
    const ids = connections.map(({ socketId }) => socketId);
    // What is sent to no room at all goes to everybody.
    if (ids.length > 0) this.#send(ids, event, payload);
  }

  /** Sends an event to every connection of this node. */
  broadcast<E extends ServerEvent>(event: E, payload: ServerPayload<E>): void {
    this.#namespace.emit(event, ...([payload] as unknown as Parameters<ServerToClientEvents[E]>));
  }

  #send<E extends ServerEvent>(room: string | string[], event: E, payload: ServerPayload<E>, isVolatile = false): void {
    const to = this.#namespace.to(room);
    (isVolatile ? to.volatile : to).emit(event, ...([payload] as unknown as Parameters<ServerToClientEvents[E]>));
  }
}
