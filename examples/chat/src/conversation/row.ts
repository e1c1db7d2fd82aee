import type { Message, MessageStatus, PendingMessage, Role } from '@threadwire/client';
import { senderName } from '../format/sender-name.ts';
import { dayOf } from '../format/time.ts';

/** One line of the conversation: a message, stored or on its way, and what stands above it. Plain values only. */
export interface Row {
  /** The same before and after it is stored. */
  readonly key: string;
  /** Of a stored message. */
  readonly id: string | undefined;
  /** The key under which it was sent. */
  readonly messageId: string;
  readonly position: number | undefined;
  readonly senderId: string;
  readonly senderName: string;
  readonly role: Role;
  readonly content: string;
  readonly createdAt: number;
  readonly status: MessageStatus | 'waiting' | 'sending' | 'unsent';
  /** Why it was not sent, or why a reply failed. */
  readonly error: unknown;
  readonly isOwn: boolean;
  /** Stored, and under the user's name: a reply that was written for them too. */
  readonly canDelete: boolean;
  readonly isEdited: boolean;
  /** Begins with the sender's name and the time. */
  readonly isGroupStart: boolean;
  /** The day that begins with it. */
  readonly day: number | undefined;
  /** The first that was not seen before. */
  readonly isFirstNew: boolean;
  /** The first of all: the thread begins above it. */
  readonly isThreadStart: boolean;
}

interface RowsInput {
  readonly messages: readonly Message[];
  readonly pending: readonly PendingMessage[];
  readonly hasOlder: boolean;
  readonly userId: string;
  /** Up to which position everything had been seen when the conversation was opened. */
  readonly newAfter: number | undefined;
}

/** Messages of one person follow each other without name and time for so long. */
const groupMs = 5 * 60_000;

type RowBase = Omit<Row, 'isGroupStart' | 'day' | 'isFirstNew' | 'isThreadStart'>;

/**
 * The conversation's lines. While there are older messages the first one held is left out: what stands above a line
 * depends on the line before it, and must not change when that one comes, or everything below would jump.
 */
export function buildRows({ messages, pending, hasOlder, userId, newAfter }: RowsInput): Row[] {
  const bases = [
    ...messages.map((message) => storedRow(message, userId)),
    ...pending.map((message) => pendingRow(message, userId)),
  ];
  let hasNew = false;
  const rows = bases.map((base, i): Row => {
    const before = bases[i - 1];
    const day = dayOf(base.createdAt);
    const startsDay = before === undefined || dayOf(before.createdAt) !== day;
    const isNew = newAfter !== undefined && !base.isOwn && base.position !== undefined && base.position > newAfter;
    const isFirstNew = isNew && !hasNew;
    hasNew ||= isNew;
    return {
      ...base,
      day: startsDay ? day : undefined,
      isFirstNew,
      isThreadStart: before === undefined && !hasOlder,
      isGroupStart: startsDay || isFirstNew || !continues(before, base),
    };
  });
  return hasOlder ? rows.slice(1) : rows;
}

/** Whether nothing of a row differs: then it need not be drawn again. */
export function sameRow(a: Row, b: Row): boolean {
  return (Object.keys(a) as (keyof Row)[]).every((key) => Object.is(a[key], b[key]));
}

function continues(before: RowBase, row: RowBase): boolean {
  return before.senderId === row.senderId && before.role === row.role && row.createdAt - before.createdAt < groupMs;
}

/** Of thousands of messages few change at a time. */
const storedRows = new WeakMap<Message, { readonly userId: string; readonly row: RowBase }>();

function storedRow(message: Message, userId: string): RowBase {
  const known = storedRows.get(message);
  if (known?.userId === userId) return known.row;
  const row = describe(message, userId);
  storedRows.set(message, { userId, row });
  return row;
}

function describe(message: Message, userId: string): RowBase {
  const { sender, role, seq, position, status } = message;
  return {
    key: `${sender.id}:${message.message_id}`,
    id: message.id,
    messageId: message.message_id,
    position,
    senderId: sender.id,
    senderName: senderName(sender),
    role,
    content: message.content,
    createdAt: Date.parse(message.created_at),
    status,
    error: message.error,
    isOwn: sender.id === userId && role === 'user',
    canDelete: sender.id === userId && status !== 'deleted',
    // The end of a stream takes a seq as an edit does: for what may have been streamed it says nothing.
    isEdited: seq !== position && role === 'user' && status === 'complete',
  };
}

function pendingRow(message: PendingMessage, userId: string): RowBase {
  return {
    key: `${userId}:${message.messageId}`,
    id: undefined,
    messageId: message.messageId,
    position: undefined,
    senderId: userId,
    senderName: userId,
    role: message.role,
    content: message.content,
    createdAt: message.createdAt,
    status: message.status === 'failed' ? 'unsent' : message.status,
    error: message.error,
    isOwn: true,
    canDelete: false,
    isEdited: false,
  };
}
