import type { ErrorCode, ErrorObject, JsonObject, Message, Role, Thread, ThreadHistory } from '@threadwire/protocol';
import type { Actor, ThreadAccess } from '../threads/access.ts';

/** A rule said no. Nothing was written, nothing else is affected, and the same request would be refused again. */
export interface Refusal {
  readonly ok: false;
  readonly code: Extract<
    ErrorCode,
    | 'thread_not_found'
    | 'message_not_found'
    | 'forbidden'
    | 'seq_conflict'
    | 'thread_exists'
    | 'stream_not_found'
    | 'stream_conflict'
    | 'stream_closed'
    | 'too_many_streams'
  >;
  readonly message: string;
  readonly details?: Readonly<NonNullable<ErrorObject['details']>>;
}

/** A new message. `id` is unique; `messageId` is the idempotency key within (thread, sender). */
export interface AppendOp {
  readonly kind: 'append';
  readonly threadId: string;
  readonly actor: Actor;
  readonly id: string;
  readonly messageId: string;
  readonly role: Role;
  readonly content: string;
  readonly metadata: JsonObject;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** New content for a message, and new metadata where it is given. */
export interface EditOp {
  readonly kind: 'edit';
  readonly threadId: string;
  readonly actor: Actor;
  readonly id: string;
  readonly content: string;
  readonly metadata?: JsonObject | undefined;
  readonly ifSeq?: number | undefined;
  readonly at: number;
}

/** Turns a message into a tombstone. */
export interface DeleteOp {
  readonly kind: 'delete';
  readonly threadId: string;
  readonly actor: Actor;
  readonly id: string;
  readonly ifSeq?: number | undefined;
  readonly at: number;
}

/**
 * Begins a message that grows, or takes up again the one that the sender began with this `messageId`. Whoever takes it up
 * is its producer from then on: its epoch counts them.
 */
export interface StreamStartOp {
  readonly kind: 'stream_start';
  readonly threadId: string;
  readonly actor: Actor;
  readonly id: string;
  readonly messageId: string;
  readonly role: Role;
  readonly metadata: JsonObject;
  /** One that there is already is left to its producer. */
  readonly ifNew?: boolean | undefined;
  /** Until then it is its producer's, whatever happens to the process that wrote this (ms). */
  readonly leaseUntil: number;
  readonly at: number;
}

/**
 * Appends text to a stream, and renews its lease; empty text does nothing else. `offset` and lengths count UTF-16 code
 * units; half of a surrogate pair is never stored alone. Where the stream has the beginning of the text already, which
 * this producer alone can have stored, the rest of it is appended. Takes no seq.
 */
export interface StreamTextOp {
  readonly kind: 'stream_text';
  readonly threadId: string;
  readonly actor: Actor;
  readonly id: string;
  readonly epoch: number;
  readonly offset: number;
  readonly text: string;
  readonly leaseUntil: number;
}

/** What an operator did, or tried. */
export interface AuditEntry {
  /** Rises with time. */
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Who; empty where a login was tried by another name than the operator's. */
  readonly operator: string;
  /** From where. */
  readonly address: string;
  readonly action: string;
  /** To what; may be empty. */
  readonly target: string;
  readonly outcome: 'ok' | 'refused' | 'failed';
  /** May be empty. */
  readonly detail: string;
}

/** A user who may not use the server any more, until an operator takes it back. */
export interface Revocation {
  readonly userId: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Who did it. */
  readonly operator: string;
  /** May be empty. */
  readonly reason: string;
}

/** How a stream ends. */
export type StreamEndStatus = 'complete' | 'failed' | 'cancelled' | 'interrupted';

/** Ends a stream. What is given of `epoch`, `offset` and `leaseOverAt` has to hold. */
export interface StreamEndOp {
  readonly kind: 'stream_end';
  readonly threadId: string;
  /** Who ends it; undefined: the server itself. */
  readonly actor?: Actor | undefined;
  readonly id: string;
  readonly status: StreamEndStatus;
  readonly epoch?: number | undefined;
  /** The length of the whole text. */
  readonly offset?: number | undefined;
  /** Its lease has run out by then (ms). */
  readonly leaseOverAt?: number | undefined;
  readonly error?: string | undefined;
  readonly metadata?: JsonObject | undefined;
  /** Told to those who listen; not stored. */
  readonly reason?: string | undefined;
  readonly at: number;
}

/** A change of a thread. All but `stream_text` take the thread's next seq where they change anything. */
export type WriteOp = AppendOp | EditOp | DeleteOp | StreamStartOp | StreamTextOp | StreamEndOp;

/** What is durable of a message now. */
export interface MessageWritten {
  readonly ok: true;
  readonly message: Message;
  /**
   * False: a repeat, or what changes nothing, such as the end of a stream that had ended, or taking one up again. No seq
   * was taken and nothing is to be announced.
   */
  readonly changed: boolean;
  /** Of a stream's start and end. */
  readonly stream?: StreamState;
}

export interface StreamState {
  /** The producer's number, from 1 on. */
  readonly epoch: number;
  /** Of the whole text; also where the message was edited or deleted after the stream's end. */
  readonly length: number;
}

/** Text was appended, or was there. */
export interface TextWritten {
  readonly ok: true;
  /** Of the whole text as it is stored. */
  readonly length: number;
}

export type WriteResult = MessageWritten | TextWritten | Refusal;

/** What an op of this kind comes to. */
export type ResultOf<Op extends WriteOp> = Op extends StreamTextOp ? TextWritten | Refusal : MessageWritten | Refusal;

/** A stream, whether it has ended or not. */
export interface StoredStream extends StreamState {
  readonly thread: ThreadAccess;
  /** With its text. */
  readonly message: Message;
}

/** A stream whose producer has not been heard of in time. */
export type AbandonedStream = Pick<StreamEndOp, 'threadId' | 'id'> & Pick<StreamState, 'epoch'>;

export interface CreateThread {
  readonly id: string;
  readonly actor: Actor;
  readonly title: string;
  readonly members: readonly string[];
  readonly metadata: JsonObject;
  readonly at: number;
}

export interface UpdateThread {
  readonly threadId: string;
  readonly actor: Actor;
  readonly title?: string | undefined;
  readonly members?: readonly string[] | undefined;
  readonly metadata?: JsonObject | undefined;
  readonly at: number;
}

/** A page of a thread. At most one of the cursors is given. */
export interface HistoryRequest {
  readonly threadId: string;
  readonly actor: Actor;
  readonly afterSeq?: number | undefined;
  readonly beforePosition?: number | undefined;
  /** At most this many messages; where absent, the protocol's defaults. */
  readonly limit?: number | undefined;
}

export type HistoryResult =
  | {
      readonly ok: true;
      readonly history: ThreadHistory;
      /** JSON bytes of its messages. */
      readonly bytes: number;
      /** Where it holds fewer messages for want of room in all answers together: how many bytes were left for it. */
      readonly cutAt?: number | undefined;
    }
  | Refusal;

/** Where a list of threads goes on: after this thread, which was active at this time (ms). */
export interface ListCursor {
  readonly updatedAt: number;
  readonly id: string;
}

/** The store is away, full, or did not answer in time. Whether a write took effect is unknown; repeating it is safe. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}

/**
 * Where threads and messages live. What must hold of every adapter, also across several processes on one store:
 *
 * - `seq` of a thread is 1, 2, 3 … without a gap, each number taken by one change.
 * - One message per (thread, sender, messageId), however often and concurrently it is appended.
 * - A result is given only after the change is durable. A crash later loses nothing that was given.
 * - Methods reject with {@link StoreUnavailable} while the store is away; they never hang.
 * - A rule that says no is a value ({@link Refusal}), not an exception, and touches no other op of the batch.
 */
export interface ThreadStore {
  readonly kind: 'embedded' | 'mongodb';

  /** Calls of `write` take effect in the order in which they are made, also where one is made before another is answered. */
  readonly writesInOrder?: boolean;

  /**
   * Applies ops in the order given (of one thread; threads are independent), all durable when it resolves:
   * one transaction, or one ordered batch per thread. Result i belongs to op i. Access, idempotency, `ifSeq` and the
   * message's state are checked in the write itself, and so are a stream's epoch, length and lease. Concurrent calls are
   * allowed. Each result is what {@link ResultOf} says of its op.
   *
   * Where it rejects, any of the ops may have taken effect.
   */
  write(ops: readonly WriteOp[]): Promise<WriteResult[]>;

  /** `created: false`: the thread was there, made by the same user. By another user: `thread_exists`. */
  createThread(request: CreateThread): Promise<{ ok: true; thread: Thread; created: boolean } | Refusal>;

  /**
   * `before`: the thread as it was, for those who lose access. Fields that change nothing leave `updated_at`. Concurrent calls
   * for one thread take effect in their order.
   */
  updateThread(
    request: UpdateThread,
  ): Promise<{ ok: true; thread: Thread; before: Thread; changed: boolean } | Refusal>;

  /** `head_seq` and `updated_at` exact. Access is not checked. Threads that do not exist are left out. */
  threads(ids: readonly string[]): Promise<Thread[]>;

  /** Threads the actor may read, newest activity first; `head_seq` and `updated_at` may lag 1 s. */
  listThreads(request: {
    actor: Actor;
    after?: ListCursor | undefined;
    limit: number;
  }): Promise<{ threads: Thread[]; next?: ListCursor }>;

  /**
   * Pages of threads, result i for request i. Every answer holds everything up to its `head_seq` that its page covers.
   * The `messages` of one answer hold at most `limits.maxHistoryBytes` of JSON, but at least one message. Where there are
   * several requests they share `totalBytes`: those that no longer fit come with no messages and `has_more`.
   */
  histories(requests: readonly HistoryRequest[], totalBytes?: number): Promise<HistoryResult[]>;

  /**
   * Messages changed after `seq`, in their latest state, by seq; at most `limit`. Everything up to the last one's
   * seq, or to `headSeq` where fewer than `limit` came, is covered. Access is not checked.
   */
  changesAfter(threadId: string, seq: number, limit: number): Promise<{ messages: Message[]; headSeq: number }>;

  /** The stream of this id; undefined for what was never one. Access is not checked. */
  findStream(id: string): Promise<StoredStream | undefined>;

  /** Streams that have not ended and whose lease has run out by `at` (ms); at most `limit`. */
  abandonedStreams(at: number, limit: number): Promise<AbandonedStream[]>;

  /** Adds to the operators' log; an entry whose id is there already is left as it is. */
  appendAudit(entries: readonly AuditEntry[]): Promise<void>;

  /** The newest of the operators' log first: those before the entry with the id `before`, or all; at most `limit`. */
  audit(limit: number, before?: string): Promise<AuditEntry[]>;

  /** Of a user there is one at most: a later one replaces it. */
  revoke(revocation: Revocation): Promise<void>;

  /** Takes a revocation back; does nothing where there is none. */
  restore(userId: string): Promise<void>;

  /** All of them, by user. */
  revocations(): Promise<Revocation[]>;

  /** Resolves if the store can take a write now. */
  ping(): Promise<void>;

  /** Finishes what was begun and lets go of the store. */
  close(): Promise<void>;
}
