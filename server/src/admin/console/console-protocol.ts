import { cleanText, idSchema, reasonSchema } from '@threadwire/protocol';
import type { ErrorCode, MessageStatus, Role } from '@threadwire/protocol';
import { z } from 'zod';
import type { AuditEntry } from '../../store/thread-store.ts';

// What the operators' console asks, and what it is answered. All of it goes by one event of the namespace `/admin`:
// `console`, with the name of the request, its payload, and an ack that gets a ConsoleAnswer.

const search = z.string().max(200).default('');
/** A page's name for one look at a thread, from opening to leaving it. */
const view = z.string().min(1).max(64);
const limit = z.int().min(1).max(500).default(100);

const connectionOrders = [
  'user',
  'address',
  'client',
  'connected_at',
  'subscriptions',
  'buffered_bytes',
  'round_trip',
  'slow',
] as const;

/** Every request, with the schema of its payload. */
export const consoleRequests = {
  overview: z.strictObject({ after: z.number().optional() }),
  threads: z.strictObject({ search, limit }),
  thread: z.strictObject({ thread_id: idSchema }),
  tail: z.strictObject({ thread_id: idSchema, view: view.optional(), after_seq: z.int().min(0).optional() }),
  /** From now on `tail` has texts, where it is asked for the same view of the same thread. */
  read_bodies: z.strictObject({ thread_id: idSchema, view }),
  streams: z.strictObject({}),
  connections: z.strictObject({
    search,
    order: z.enum(connectionOrders).default('connected_at'),
    descending: z.boolean().default(true),
    offset: z.int().min(0).default(0),
    limit,
  }),
  connection: z.strictObject({ client_id: z.string().max(64) }),
  errors: z.strictObject({}),
  revoked: z.strictObject({}),
  audit: z.strictObject({ before: z.string().max(64).optional(), limit }),
  cancel_stream: z.strictObject({ stream_id: idSchema, reason: reasonSchema.optional() }),
  disconnect: z.strictObject({ client_id: z.string().max(64) }),
  disconnect_user: z.strictObject({ user_id: idSchema }),
  revoke_user: z.strictObject({ user_id: idSchema, reason: reasonSchema.optional() }),
  restore_user: z.strictObject({ user_id: idSchema }),
  announce: z.strictObject({
    // That it drains is said by the node itself.
    status: z.enum(['ok', 'degraded', 'maintenance']),
    message: cleanText.max(500).optional(),
  }),
  drain: z.strictObject({}),
} as const;

export type ConsoleRequest = keyof typeof consoleRequests;
export type ConsolePayload<R extends ConsoleRequest> = z.infer<(typeof consoleRequests)[R]>;

/** What does something, or shows what users wrote: each is in the log of what operators did. */
export const consoleActions = [
  'read_bodies',
  'cancel_stream',
  'disconnect',
  'disconnect_user',
  'revoke_user',
  'restore_user',
  'announce',
  'drain',
] as const;
export type ConsoleAction = (typeof consoleActions)[number];

/** The state of a node at one moment. Counters count since its start. */
export interface Sample {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly connections: number;
  readonly subscriptions: number;
  readonly streams: number;
  /** Counter. */
  readonly messages: number;
  /** Counter: messages, edits, ends of streams and other changes that were announced. */
  readonly changes: number;
  /** Counter: events of threads that connections were given. */
  readonly deliveries: number;
  /** Counter: requests that were refused. */
  readonly errors: number;
  /** Counter: connections that were closed because they did not keep up. */
  readonly slow_consumers: number;
  /** Counter. */
  readonly received_bytes: number;
  /** Counter. */
  readonly sent_bytes: number;
  /** What clients were sent and have not taken. */
  readonly buffered_bytes: number;
  /** In 99 of 100 cases the event loop was late by no more than this (ms), since the sample before. */
  readonly loop_delay_ms: number;
  readonly rss_bytes: number;
  readonly heap_bytes: number;
  readonly is_store_up: boolean;
  /** Null where no broker is used: there is one node. */
  readonly is_broker_up: boolean | null;
}

/** One process that serves. */
export interface NodeLine {
  readonly server_id: string;
  readonly host: string;
  readonly pid: number;
  readonly node_version: string;
  readonly started_at: string;
  readonly store: 'embedded' | 'mongodb';
  readonly is_draining: boolean;
  /** As it is now; its last sample may be some seconds old. */
  readonly is_store_up: boolean;
  /** Those after the moment asked for, oldest first: an hour of them at most. */
  readonly samples: readonly Sample[];
}

export interface ThreadLine {
  readonly id: string;
  readonly title: string;
  readonly head_seq: number;
  readonly updated_at: string;
  readonly subscribers: number;
  /** Changes in the last minute, on this node. */
  readonly changes_per_minute: number;
  readonly streams: number;
}

/** The latest state of a message that was sent or changed. */
export interface TailLine {
  readonly id: string;
  readonly seq: number;
  readonly position: number;
  readonly user_id: string;
  readonly role: Role;
  readonly status: MessageStatus;
  readonly created_at: string;
  readonly updated_at: string;
  /** UTF-16 units of its text. */
  readonly length: number;
  /** Its text; null unless the operator asked for bodies in this view. */
  readonly content: string | null;
}

export interface StreamLine {
  readonly id: string;
  readonly thread_id: string;
  /** Its sender. */
  readonly user_id: string;
  /** `waiting`: its producer has gone, and may come back. */
  readonly state: 'streaming' | 'waiting' | Exclude<MessageStatus, 'streaming' | 'deleted'>;
  /** UTF-16 units. */
  readonly length: number;
  readonly age_ms: number;
  /** From its start to its first text; null before that, and where it was taken up. */
  readonly first_text_ms: number | null;
  /** Since its last text; null before the first one, and until more comes where it was taken up. */
  readonly last_text_ms: number | null;
  /**
   * UTF-16 units per second: of the last ten seconds or so, or, once it has ended, since it began or was taken up; null of
   * one that was written elsewhere, or before this server started, and only ended here.
   */
  readonly units_per_second: number | null;
}

export interface ConnectionLine {
  readonly client_id: string;
  readonly socket_id: string;
  readonly user_id: string;
  readonly user_name: string | null;
  /** What the client says it is. */
  readonly client: string | null;
  readonly address: string;
  readonly transport: string;
  readonly connected_at: string;
  readonly subscriptions: number;
  readonly buffered_bytes: number;
  readonly is_slow: boolean;
  /** Of the last ping; null before the first one was answered. */
  readonly round_trip_ms: number | null;
}

export interface Refusal {
  /** Of this node, since its start: the first is 1. */
  readonly number: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly code: ErrorCode;
  /** The event, or the HTTP route. */
  readonly request: string;
  readonly user_id: string | null;
  readonly client_id: string | null;
  readonly message: string;
}

/** A message of a tail that still grows, whose text takes no seq. */
export interface GrowingLine {
  readonly id: string;
  /** UTF-16 units of its text so far. */
  readonly length: number;
  /** How that begins; null unless the operator asked for bodies in this view. */
  readonly beginning: string | null;
}

/** A user who may not connect any more. */
export interface RevokedLine {
  readonly user_id: string;
  readonly revoked_at: string;
  readonly operator: string;
  readonly reason: string;
}

/** What each request is answered. */
export interface ConsoleAnswers {
  overview: {
    readonly nodes: readonly NodeLine[];
    readonly sample_every_ms: number;
  };
  threads: {
    readonly threads: readonly ThreadLine[];
    /** How many were found, which may be more than are listed. */
    readonly found: number;
    /** So many of the threads were looked through: those that were active last. */
    readonly searched: number;
    /** Whether there are others, which were not. */
    readonly has_more: boolean;
  };
  thread: {
    readonly thread: ThreadLine & { readonly created_by: string; readonly members: readonly string[] };
    readonly subscribers: readonly { readonly user_id: string; readonly connections: number }[];
    readonly streams: readonly StreamLine[];
  };
  tail: {
    readonly head_seq: number;
    readonly has_bodies: boolean;
    /** By seq: those changed after `after_seq`, or the last ones. */
    readonly lines: readonly TailLine[];
    /** Those that are being written on this node, whether they are among the lines or were in an earlier answer. */
    readonly growing: readonly GrowingLine[];
  };
  read_bodies: Record<string, never>;
  streams: {
    readonly running: readonly StreamLine[];
    readonly ended: readonly (StreamLine & { readonly ended_at: string })[];
  };
  connections: { readonly total: number; readonly found: number; readonly connections: readonly ConnectionLine[] };
  connection: { readonly connection: ConnectionLine; readonly threads: readonly string[] };
  /** Of `slow_consumer` the connections that were closed are counted; the others are errors that clients were given. */
  errors: { readonly counts: Readonly<Record<ErrorCode, number>>; readonly recent: readonly Refusal[] };
  revoked: { readonly users: readonly RevokedLine[] };
  audit: { readonly entries: readonly AuditEntry[] };
  cancel_stream: { readonly status: MessageStatus };
  disconnect: { readonly connections: number };
  disconnect_user: { readonly connections: number };
  revoke_user: { readonly connections: number };
  restore_user: Record<string, never>;
  announce: { readonly connections: number };
  drain: Record<string, never>;
}

export type ConsoleAnswer<R extends ConsoleRequest = ConsoleRequest> =
  | { readonly ok: true; readonly data: ConsoleAnswers[R] }
  | { readonly ok: false; readonly error: { readonly code: ErrorCode; readonly message: string } };
