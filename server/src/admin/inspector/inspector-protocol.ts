import { idSchema } from '@threadwire/protocol';
import { z } from 'zod';
import { threadOfRoom } from '../../fanout/rooms.ts';

// What the official Socket.IO admin UI says and hears, of which only this much is spoken here. Its events have positional
// arguments and no acks.

/** All that is shown to operators is in the one namespace that clients have. */
export const root = '/';

/**
 * What the UI is told that the server can do. `ALL_EVENTS` is what shows its pages of sockets and rooms: the events of
 * clients, of which it speaks, are never sent. `EMIT` and `JOIN` are missing: operators speak as nobody, and put nobody anywhere.
 */
export const supportedFeatures = [
  'AGGREGATED_EVENTS',
  'ALL_EVENTS',
  'DISCONNECT',
  'LEAVE',
  'MLEAVE',
  'MDISCONNECT',
] as const;

/** A socket as the UI has it. */
export interface SocketLine {
  readonly id: string;
  /** Groups the sockets of one transport connection: here it has one. */
  readonly clientId: string;
  readonly transport: string;
  readonly nsp: typeof root;
  readonly data: {
    readonly user: string;
    readonly name: string | null;
    readonly client: string | null;
    readonly more_threads: number;
  };
  /** Headers and the query are never told; the UI wants to find an object. */
  readonly handshake: {
    /** And the user. */
    readonly address: string;
    readonly headers: Readonly<Record<string, never>>;
    readonly query: Readonly<Record<string, never>>;
    /** Milliseconds since the epoch. */
    readonly issued: number;
  };
  readonly rooms: readonly string[];
}

/** What changed, as it goes to a page that knows what was before; times are ISO 8601. */
export type SocketChange =
  | readonly [event: 'socket_connected', socket: SocketLine, at: string]
  | readonly [
      event: 'socket_updated',
      socket: Pick<SocketLine, 'id' | 'nsp' | 'transport'> & {
        readonly data: Pick<SocketLine['data'], 'more_threads'>;
      },
    ]
  | readonly [event: 'socket_disconnected', nsp: typeof root, id: string, reason: string, at: string]
  | readonly [event: 'room_joined' | 'room_left', nsp: typeof root, room: string, id: string, at: string];

export interface ServerStats {
  readonly serverId: string;
  readonly hostname: string;
  readonly pid: number;
  /** Seconds. */
  readonly uptime: number;
  readonly clientsCount: number;
  readonly pollingClientsCount: number;
  /** What happened since the last ones; `timestamp` in ms, a whole second. */
  readonly aggregatedEvents: readonly TrafficCount[];
  readonly namespaces: readonly { readonly name: string; readonly socketsCount: number }[];
}

export interface TrafficCount {
  readonly type: 'rawConnection' | 'rawDisconnection' | 'bytesIn' | 'bytesOut';
  readonly timestamp: number;
  readonly count: number;
}

const nsp = z.literal(root);
const socketId = z.string().regex(/^[\w-]{1,64}$/);
const threadRoom = z.string().refine((room) => idSchema.safeParse(threadOfRoom(room)).success);

/** What its buttons send, but for the last two, which have none; by hand anything may be sent. */
export const inspectorEvents = ['_disconnect', 'leave', 'join', 'emit'] as const;
export type InspectorEvent = (typeof inspectorEvents)[number];

/** Whether the transport is to be closed too makes no difference: here nothing else goes over it. */
export const disconnectArgs = z.tuple([nsp, z.boolean(), z.union([threadRoom, socketId])]);
/** Without a socket: all that are in the room. */
export const leaveArgs = z.union([z.tuple([nsp, threadRoom]), z.tuple([nsp, threadRoom, socketId])]);
