import { hostname } from 'node:os';
import type { Message, Thread } from '@threadwire/protocol';
import type { Connection } from '../../connection/connection.ts';
import type { Lifecycle } from '../../lifecycle.ts';
import { RequestError } from '../../request-error.ts';
import type { Services } from '../../services.ts';
import type { Audit } from '../audit.ts';
import { disconnected, expel, operatorActor } from '../expel.ts';
import { revoked } from '../revocations.ts';
import type { Revocations } from '../revocations.ts';
import type { ConsoleHandlers } from './console.ts';
import type { ConnectionLine, ConsolePayload, TailLine, ThreadLine } from './console-protocol.ts';
import { sampleEveryMs } from './node-activity.ts';
import type { NodeActivity } from './node-activity.ts';
import type { StreamLines } from './stream-lines.ts';

export interface ConsoleHandlersPorts {
  readonly services: Pick<Services, 'store' | 'rooms' | 'streams' | 'logger' | 'now'>;
  readonly lifecycle: Lifecycle;
  readonly activity: NodeActivity;
  readonly streams: StreamLines;
  readonly audit: Audit;
  readonly revocations: Revocations;
  readonly serverId: string;
  /** Drains this node; the process that runs it ends then. */
  readonly drain: () => void;
}

/** Of the threads that were active last so many are searched. */
const maxSearched = 1000;
const listPage = 100;
/** Views with text at a time, of one page. */
const maxOpenViews = 20;
/** Changes of a thread that are shown at a time. */
const tailLimit = 50;
/** So much text of them, but for one that has more by itself. */
const tailUnits = 256 * 1024;

/** What each request of the console comes to. */
export function consoleHandlers(ports: ConsoleHandlersPorts): ConsoleHandlers {
  const { services, lifecycle, activity, streams, audit, revocations, serverId, drain } = ports;
  const { store, rooms, now } = services;
  const startedAt = new Date(now()).toISOString();

  const threadLine = ({ id, title, head_seq, updated_at }: Thread): ThreadLine => ({
    id,
    title,
    head_seq,
    updated_at,
    subscribers: rooms.members(id).length,
    changes_per_minute: activity.perMinute(id),
    streams: streams.count(id),
  });

  const byClientId = (clientId: string): Connection | undefined =>
    [...rooms.connections.values()].find((connection) => connection.clientId === clientId);

  return {
    overview: ({ after = 0 }) => ({
      nodes: [
        {
          server_id: serverId,
          host: hostname(),
          pid: process.pid,
          node_version: process.version,
          started_at: startedAt,
          store: store.kind,
          is_draining: lifecycle.isDraining,
          is_store_up: activity.isStoreUp,
          samples: activity.samplesAfter(after),
        },
      ],
      sample_every_ms: sampleEveryMs,
    }),

    threads: async ({ search, limit }) => {
      const found = new Map<string, Thread>();
      // One that is named is found, however long it has been quiet.
      if (search !== '') for (const thread of await store.threads([search])) found.set(thread.id, thread);
      let after: Parameters<typeof store.listThreads>[0]['after'];
      let searched = 0;
      // Where all are found there is nothing to count.
      const most = search.trim() === '' ? limit : maxSearched;
      do {
        const page = { actor: operatorActor, after, limit: Math.min(listPage, most - searched) };
        const { threads, next } = await store.listThreads(page);
        for (const thread of threads) if (isFound(search, thread.id, thread.title)) found.set(thread.id, thread);
        searched += threads.length;
        after = next;
      } while (after && searched < most);
      // What a list says may be a second old.
      const exact = await store.threads([...found.keys()].slice(0, limit));
      return {
        threads: exact.sort((a, b) => compare(b.updated_at, a.updated_at)).map(threadLine),
        found: found.size,
        searched,
        has_more: after !== undefined,
      };
    },

    thread: async ({ thread_id: id }) => {
      const [thread] = await store.threads([id]);
      if (!thread) throw new RequestError('thread_not_found', `There is no thread ${id}.`);
      const counts = new Map<string, number>();
      for (const { actor } of rooms.members(id)) counts.set(actor.id, (counts.get(actor.id) ?? 0) + 1);
      return {
        thread: { ...threadLine(thread), created_by: thread.created_by, members: thread.members },
        subscribers: [...counts].map(([user_id, connections]) => ({ user_id, connections })),
        streams: streams.of(id),
      };
    },

    tail: async ({ thread_id: id, view, after_seq: afterSeq }, { openViews }) => {
      const [thread] = await store.threads([id]);
      if (!thread) throw new RequestError('thread_not_found', `There is no thread ${id}.`);
      const hasBodies = view !== undefined && openViews.get(view) === id;
      // Where it is not known what was seen, the last changes: each has one seq.
      const after = afterSeq ?? Math.max(0, thread.head_seq - tailLimit);
      const { messages, headSeq } = await store.changesAfter(id, after, tailLimit);
      const shown = hasBodies ? fitting(messages) : messages;
      const isAll = shown.length === messages.length && messages.length < tailLimit;
      const seen = isAll ? headSeq : shown.at(-1)!.seq;
      return {
        head_seq: seen,
        has_bodies: hasBodies,
        lines: shown.map((message) => tailLine(message, hasBodies)),
        growing: streams.growing(id, hasBodies),
      };
    },

    read_bodies: async ({ thread_id: id, view }, { openViews }) => {
      const [thread] = await store.threads([id]);
      if (!thread) throw new RequestError('thread_not_found', `There is no thread ${id}.`);
      openViews.set(view, id);
      const [oldest] = openViews.keys();
      if (openViews.size > maxOpenViews) openViews.delete(oldest!);
      return {};
    },

    streams: () => ({ running: streams.running, ended: streams.ended }),

    connections: (request) => connectionsOf([...rooms.connections.values()], request),

    connection: ({ client_id: clientId }) => {
      const found = byClientId(clientId);
      if (!found) throw gone();
      return { connection: connectionLine(found), threads: [...found.subscriptions] };
    },

    errors: () => activity.refusals,

    revoked: () => ({
      users: revocations.all.map(({ userId, at, operator: by, reason }) => ({
        user_id: userId,
        revoked_at: new Date(at).toISOString(),
        operator: by,
        reason,
      })),
    }),

    audit: async ({ before, limit }) => ({ entries: await audit.latest(limit, before) }),

    cancel_stream: async (payload, { note }) => {
      const { status, sender, thread_id: threadId } = await services.streams.cancel(operatorActor, payload);
      // The first end holds: of one that had ended nothing was changed.
      note(`of ${sender.id} in ${threadId}${status === 'cancelled' ? '' : `, ${status} before`}`);
      return { status };
    },

    disconnect: ({ client_id: clientId }, { note }) => {
      const found = byClientId(clientId);
      if (!found) throw gone();
      note(`of ${found.actor.id} at ${found.facts.address}`);
      found.fail(disconnected().toObject());
      return { connections: 1 };
    },

    disconnect_user: ({ user_id: userId }, { note }) => {
      const found = [...rooms.connections.values()].filter(({ actor }) => actor.id === userId);
      for (const connection of found) connection.fail(disconnected().toObject());
      note(counted(found.length));
      return { connections: found.length };
    },

    revoke_user: async ({ user_id: userId, reason = '' }, { operator: by, note }) => {
      await revocations.revoke({ userId, at: now(), operator: by, reason });
      const connections = expel(services, userId, revoked());
      note(counted(connections));
      return { connections };
    },

    restore_user: async ({ user_id: userId }) => {
      await revocations.restore(userId);
      return {};
    },

    announce: (status, { note }) => {
      rooms.broadcast('system_status', status);
      const { size } = rooms.connections;
      note(counted(size));
      return { connections: size };
    },

    drain: () => {
      drain();
      return {};
    },
  };
}

function counted(connections: number): string {
  return connections === 1 ? '1 connection' : `${connections} connections`;
}

function gone(): RequestError {
  return new RequestError('invalid_payload', 'There is no such connection any more.');
}

/** The first of them, as far as their text is not too much for one answer; one at least. */
function fitting(messages: readonly Message[]): readonly Message[] {
  let units = 0;
  const end = messages.findIndex(({ content }, i) => (units += content.length) > tailUnits && i > 0);
  return end < 0 ? messages : messages.slice(0, end);
}

function tailLine(message: Message, hasBodies: boolean): TailLine {
  const { id, seq, position, sender, role, status, created_at, updated_at, content } = message;
  return {
    id,
    seq,
    position,
    user_id: sender.id,
    role,
    status,
    created_at,
    updated_at,
    length: content.length,
    content: hasBodies ? content : null,
  };
}

function connectionsOf(all: readonly Connection[], request: ConsolePayload<'connections'>) {
  const { search, order, descending, offset, limit } = request;
  const lines = all
    .map(connectionLine)
    .filter((line) =>
      isFound(
        search,
        line.client_id,
        line.socket_id,
        line.user_id,
        line.user_name ?? '',
        line.address,
        line.client ?? '',
      ),
    );
  lines.sort((a, b) => compareKeys(keyOf(a, order), keyOf(b, order), descending));
  return { total: all.length, found: lines.length, connections: lines.slice(offset, offset + limit) };
}

function connectionLine(connection: Connection): ConnectionLine {
  const { clientId, socketId, client, identity, subscriptions } = connection;
  const { address, transport, connectedAt, bufferedBytes, isSlow, roundTripMs } = connection.facts;
  return {
    client_id: clientId,
    socket_id: socketId,
    user_id: identity.user.id,
    user_name: identity.user.name ?? null,
    client: client ? [client.name, client.version].filter(Boolean).join(' ') : null,
    address,
    transport,
    connected_at: new Date(connectedAt).toISOString(),
    subscriptions: subscriptions.size,
    buffered_bytes: bufferedBytes,
    is_slow: isSlow,
    round_trip_ms: roundTripMs === undefined ? null : Math.round(roundTripMs * 10) / 10,
  };
}

function keyOf(line: ConnectionLine, order: ConsolePayload<'connections'>['order']): string | number | null {
  switch (order) {
    case 'user':
      return line.user_id;
    case 'round_trip':
      return line.round_trip_ms;
    case 'slow':
      return Number(line.is_slow);
    default:
      return line[order];
  }
}

/** What is not known comes last, either way. */
function compareKeys(a: string | number | null, b: string | number | null, descending: boolean): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  return (descending ? -1 : 1) * compare(a, b);
}

function compare(a: string | number, b: string | number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function isFound(search: string, ...fields: readonly string[]): boolean {
  const wanted = search.trim().toLowerCase();
  return wanted === '' || fields.some((field) => field.toLowerCase().includes(wanted));
}
