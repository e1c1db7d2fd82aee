import { setImmediate as nextTurn } from 'node:timers/promises';
import type { z } from 'zod';
import type { Connection } from '../../connection/connection.ts';
import { flowOf } from '../../connection/flow.ts';
import { TokenBucket } from '../../connection/token-bucket.ts';
import { threadOfRoom } from '../../fanout/rooms.ts';
import { evict } from '../../handlers/evict.ts';
import { RequestError, toRequestError } from '../../request-error.ts';
import type { Services } from '../../services.ts';
import { mayChange } from '../../threads/access.ts';
import type { OperatorSocket } from '../admin-namespace.ts';
import type { Audit } from '../audit.ts';
import { disconnected } from '../expel.ts';
import { disconnectArgs, inspectorEvents, leaveArgs } from './inspector-protocol.ts';
import type { InspectorEvent } from './inspector-protocol.ts';

export interface InspectorActionsPorts {
  readonly services: Pick<Services, 'store' | 'rooms' | 'metrics' | 'logger' | 'now'>;
  readonly audit: Pick<Audit, 'record'>;
  /** Whether the operator's session still holds. */
  readonly mayAct: (socket: OperatorSocket) => boolean;
}

/** What one of the UI's buttons asks for. */
type Order =
  | { readonly action: 'disconnect'; readonly socketId: string }
  | { readonly action: 'disconnect_thread' | 'empty_thread'; readonly threadId: string }
  | { readonly action: 'remove_from_thread'; readonly threadId: string; readonly socketId: string };

/** A button at a time; whoever sends more is no button. */
const actionsPerSecond = 10;
const actionBurst = 50;
const maxPerTurn = 100;

/** Carries out what operators do by the official UI, and notes it, also where it is refused. The UI hears of no outcome. */
export class InspectorActions {
  readonly #ports: InspectorActionsPorts;

  constructor(ports: InspectorActionsPorts) {
    this.#ports = ports;
  }

  /** Does what an operator asks for who has connected. */
  attend(socket: OperatorSocket): void {
    const { now } = this.#ports.services;
    const bucket = new TokenBucket(actionsPerSecond, actionBurst, now());
    for (const event of inspectorEvents) {
      socket.on(event, (...args: readonly unknown[]) => {
        // Notes of a flood would bury all others.
        if (bucket.take(1, now()) > 0) flowOf(socket.conn).wasted();
        else void this.#act(socket, event, args);
      });
    }
  }

  /** Never rejects. */
  async #act(socket: OperatorSocket, event: InspectorEvent, args: readonly unknown[]): Promise<void> {
    const { audit, mayAct, services } = this.#ports;
    const { username: operator } = socket.data.session;
    const { address } = socket.handshake;
    let noted = { operator, address, action: event.replace('_', ''), target: targetOf(args) };
    try {
      if (!mayAct(socket)) throw new RequestError('unauthenticated', 'Log in again.');
      const order = orderOf(event, args);
      noted = { ...noted, action: order.action, target: 'threadId' in order ? order.threadId : order.socketId };
      const detail = await this.#carryOut(socket, order);
      audit.record({ ...noted, outcome: 'ok', detail });
    } catch (thrown) {
      const { code } = toRequestError(thrown);
      if (code === 'internal') services.logger.error({ err: thrown }, 'what an operator asked for failed');
      audit.record({ ...noted, outcome: code === 'internal' ? 'failed' : 'refused', detail: code });
    }
  }

  /** Returns what there is to say about it. */
  async #carryOut(socket: OperatorSocket, order: Order): Promise<string> {
    const { rooms } = this.#ports.services;
    if (order.action === 'disconnect') {
      const connection = this.#connection(order.socketId);
      end(connection);
      return `${connection.clientId} of ${connection.actor.id}`;
    }
    const { threadId } = order;
    await this.#mayChange(socket, threadId);
    if (order.action === 'remove_from_thread') {
      const connection = this.#connection(order.socketId);
      if (!rooms.isMember(threadId, connection)) throw new RequestError('invalid_payload', 'It is not in the thread.');
      this.#remove(connection, threadId);
      return `${connection.clientId} of ${connection.actor.id}`;
    }
    const members = rooms.members(threadId);
    await someAtATime(members, (connection) => {
      if (order.action === 'disconnect_thread') end(connection);
      // It may have left meanwhile.
      else if (rooms.isMember(threadId, connection)) this.#remove(connection, threadId);
    });
    return `${members.length} connections`;
  }

  /** Whether operators may change the thread is asked as of everybody; what it takes may have ended meanwhile. */
  async #mayChange(socket: OperatorSocket, threadId: string): Promise<void> {
    const { services, mayAct } = this.#ports;
    const [thread] = await services.store.threads([threadId]);
    if (!thread) throw new RequestError('thread_not_found', `There is no thread ${threadId}.`);
    const actor = { id: socket.data.session.username, admin: true };
    if (!mayChange(thread, actor)) throw new RequestError('forbidden', 'Operators may not change this thread.');
    if (!mayAct(socket)) throw new RequestError('unauthenticated', 'Log in again.');
  }

  #connection(socketId: string): Connection {
    const connection = this.#ports.services.rooms.connections.get(socketId);
    if (!connection) throw new RequestError('invalid_payload', 'There is no such connection any more.');
    return connection;
  }

  #remove(connection: Connection, threadId: string): void {
    evict(this.#ports.services, connection, threadId, 'An operator took you out of this thread.');
  }
}

/** Thousands in one turn of the event loop would hold up everybody else. */
async function someAtATime<T>(all: readonly T[], act: (one: T) => void): Promise<void> {
  for (let i = 0; i < all.length; i += maxPerTurn) {
    if (i > 0) await nextTurn();
    all.slice(i, i + maxPerTurn).forEach(act);
  }
}

function orderOf(event: InspectorEvent, args: readonly unknown[]): Order {
  switch (event) {
    case '_disconnect': {
      const [, , target] = parsed(disconnectArgs, args);
      const threadId = threadOfRoom(target);
      if (threadId === undefined) return { action: 'disconnect', socketId: target };
      return { action: 'disconnect_thread', threadId };
    }
    case 'leave': {
      const [, room, socketId] = parsed(leaveArgs, args);
      const threadId = threadOfRoom(room)!;
      if (socketId === undefined) return { action: 'empty_thread', threadId };
      return { action: 'remove_from_thread', threadId, socketId };
    }
    case 'join':
    case 'emit':
      throw new RequestError('forbidden', 'Operators put nobody into threads, and speak for nobody.');
  }
}

function parsed<S extends z.ZodType>(schema: S, args: readonly unknown[]): z.infer<S> {
  const result = schema.safeParse(args);
  if (!result.success) throw new RequestError('invalid_payload', 'That is nothing that a button asks for.');
  return result.data;
}

/** What is noted of a request that is refused: the room and the socket, or what stands in their places. */
function targetOf([, room, socketId]: readonly unknown[]): string {
  return [room, socketId].filter((part) => typeof part === 'string').join(' ');
}

/** Ends a session for good: stock clients do not come back by themselves. */
function end(connection: Connection): void {
  connection.fail(disconnected().toObject());
}
