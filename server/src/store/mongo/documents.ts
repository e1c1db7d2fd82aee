import type { JsonObject, Message, MessageStatus, Role, Thread } from '@threadwire/protocol';
import { Schema } from 'mongoose';
import type { AuditEntry, Revocation } from '../thread-store.ts';

// What is stored. Metadata is JSON text: it comes back exactly as it was, whatever its keys are. These are types, not
// interfaces, because the driver's types want documents that could have further fields.

export type ThreadDocument = {
  readonly _id: string;
  readonly title: string;
  readonly members: string[];
  /** Has no members, so everybody may read it: what lists of open threads are indexed by. */
  readonly open: boolean;
  readonly metadata: string;
  readonly created_by: string;
  readonly created_at: Date;
  /** The last change of the thread itself, messages aside. */
  readonly changed_at: Date;
  /** Orders lists. At most about a second behind the last message; see {@link Activity}. */
  readonly active_at: Date;
  /** New with each change of the thread itself, and tells whose change it was. */
  readonly version: string;
};

export type MessageDocument = {
  readonly _id: string;
  readonly thread_id: string;
  readonly position: number;
  readonly seq: number;
  /**
   * Every seq that this message took, the newest last. Unique within the thread over all messages, because an edit
   * vacates the message's old seq: without this, a writer that is late by two edits would take a number that clients
   * have already seen.
   */
  readonly taken: number[];
  readonly message_id: string;
  readonly sender_id: string;
  readonly sender_name?: string;
  readonly role: Role;
  /** Empty where the text is in {@link MessageDocument.parts}. */
  readonly content: string;
  readonly metadata: string;
  readonly status: MessageStatus;
  readonly error?: string | null;
  readonly created_at: Date;
  readonly updated_at: Date;
  /** Like `updated_at`, but never before that of an earlier seq: clocks of several servers differ. */
  readonly active_at: Date;
  /** The write that made the last change: tells whether an attempt whose answer was lost took effect. */
  readonly write_id: string;
  /** Counts the producers of a stream; this and the length are there of streams only, and stay after their end. */
  readonly epoch?: number;
  /** Of a stream's whole text (UTF-16 code units). */
  readonly length?: number;
  /** Until the stream's end: when its producer is given up. */
  readonly lease_until?: Date;
  /**
   * The text of a stream as it came: to append to it writes the new text only. Goes into the content at the stream's
   * end, or else when the message is edited.
   */
  readonly parts?: string[];
};

/** An entry of the operators' log. */
/** By its user. */
export type RevocationDocument = Omit<Revocation, 'userId' | 'at'> & { readonly _id: string; readonly at: Date };

export type AuditDocument = Omit<AuditEntry, 'id' | 'at'> & { readonly _id: string; readonly at: Date };

/**
 * How many old seqs a message keeps. Only a writer that is late by this many edits of one message could take an older
 * one again; it guesses from a head at most a second old, and so many durable edits take several.
 */
export const maxTaken = 4096;

const options = {
  autoIndex: false,
  autoCreate: false,
  versionKey: false,
  strict: 'throw',
  strictQuery: 'throw',
} as const;

export const threadSchema = new Schema<ThreadDocument>(
  {
    _id: { type: String, required: true },
    title: String,
    members: [String],
    open: Boolean,
    metadata: String,
    created_by: String,
    created_at: Date,
    changed_at: Date,
    active_at: Date,
    version: String,
  },
  { ...options, collection: 'threads' },
);
// A list is merged from these: all threads for admins, else the open ones, one's own, and those one is a member of.
threadSchema.index({ active_at: -1, _id: -1 }, { name: 'active' });
threadSchema.index({ open: 1, active_at: -1, _id: -1 }, { name: 'open_active' });
threadSchema.index({ created_by: 1, active_at: -1, _id: -1 }, { name: 'creator_active' });
threadSchema.index({ members: 1, active_at: -1, _id: -1 }, { name: 'member_active' });

export const messageSchema = new Schema<MessageDocument>(
  {
    _id: { type: String, required: true },
    thread_id: String,
    position: Number,
    seq: Number,
    taken: [Number],
    message_id: String,
    sender_id: String,
    sender_name: String,
    role: String,
    content: String,
    metadata: String,
    status: String,
    error: String,
    created_at: Date,
    updated_at: Date,
    active_at: Date,
    write_id: String,
    epoch: Number,
    length: Number,
    lease_until: Date,
    parts: { type: [String], default: undefined },
  },
  { ...options, collection: 'messages' },
);
/** The unique indexes on messages, by name: an error about a duplicate names the one that refused. */
export const messageIndexes = {
  seq: 'thread_seq',
  taken: 'thread_taken',
  position: 'thread_position',
  key: 'thread_sender_message',
} as const;
messageSchema.index({ thread_id: 1, seq: 1 }, { unique: true, name: messageIndexes.seq });
messageSchema.index({ thread_id: 1, taken: 1 }, { unique: true, name: messageIndexes.taken });
messageSchema.index({ thread_id: 1, position: 1 }, { unique: true, name: messageIndexes.position });
messageSchema.index({ thread_id: 1, sender_id: 1, message_id: 1 }, { unique: true, name: messageIndexes.key });
const ofStreaming = { partialFilterExpression: { status: 'streaming' } } as const;
messageSchema.index({ thread_id: 1 }, { name: 'streaming', ...ofStreaming });
messageSchema.index({ lease_until: 1 }, { name: 'streaming_lease', ...ofStreaming });

export const auditSchema = new Schema<AuditDocument>(
  {
    _id: { type: String, required: true },
    at: Date,
    operator: String,
    address: String,
    action: String,
    target: String,
    outcome: String,
    detail: String,
  },
  { ...options, collection: 'audit' },
);

export const revocationSchema = new Schema<RevocationDocument>(
  { _id: { type: String, required: true }, at: Date, operator: String, reason: String },
  { ...options, collection: 'revocations' },
);

/** What a reader needs of a message. */
export const messageFields = { taken: 0, active_at: 0 } as const;

export type StoredMessage = Omit<MessageDocument, 'taken' | 'active_at'>;

/** The message as it goes over the wire: fields that are absent are left out. */
export function toMessage(document: StoredMessage): Message {
  const { sender_id: id, sender_name: name, error } = document;
  return {
    id: document._id,
    thread_id: document.thread_id,
    position: document.position,
    seq: document.seq,
    message_id: document.message_id,
    sender: name === undefined ? { id } : { id, name },
    role: document.role,
    content: document.parts?.join('') ?? document.content,
    metadata: JSON.parse(document.metadata) as JsonObject,
    status: document.status,
    created_at: document.created_at.toISOString(),
    updated_at: document.updated_at.toISOString(),
    ...(error === undefined || error === null ? undefined : { error }),
  };
}

/** The last seq of a thread, and when it was last active (ms). */
export interface Head {
  readonly seq: number;
  readonly activeAt: number;
}

export const noHead: Head = { seq: 0, activeAt: 0 };

/** The thread as it goes over the wire, with what its newest message says about it. */
export function toThread(document: ThreadDocument, head: Head): Thread {
  return {
    id: document._id,
    title: document.title,
    members: document.members,
    metadata: JSON.parse(document.metadata) as JsonObject,
    created_by: document.created_by,
    created_at: document.created_at.toISOString(),
    updated_at: new Date(Math.max(document.changed_at.getTime(), head.activeAt)).toISOString(),
    head_seq: head.seq,
  };
}
