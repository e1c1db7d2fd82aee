import type { JsonObject, Message, MessageStatus, Role, Thread } from '@threadwire/protocol';
import type { AuditEntry, Revocation } from '../thread-store.ts';

/** The columns of a {@link ThreadRow}, of `threads t` joined to `activity a`. */
export const threadColumns =
  't.key, t.id, t.title, t.members, t.metadata, t.created_by, t.created_at, a.updated_at, a.head_seq';

export type ThreadRow = readonly [
  key: number,
  id: string,
  title: string,
  members: string,
  metadata: string,
  createdBy: string,
  createdAt: number,
  updatedAt: number,
  headSeq: number,
];

export function toThread(row: ThreadRow): Thread {
  const [, id, title, members, metadata, createdBy, createdAt, updatedAt, headSeq] = row;
  return {
    id,
    title,
    members: JSON.parse(members) as string[],
    metadata: toMetadata(metadata),
    created_by: createdBy,
    created_at: toTime(createdAt),
    updated_at: toTime(updatedAt),
    head_seq: headSeq,
  };
}

/** The columns of a {@link MessageRow}, of `messages m`. */
export const messageColumns =
  'm.key, m.position, m.seq, m.id, m.message_id, m.sender_id, m.sender_name, m.role, m.status, m.created_at, ' +
  'm.updated_at, m.error, m.metadata, m.content';

export type MessageRow = readonly [
  key: number,
  position: number,
  seq: number,
  id: string,
  messageId: string,
  senderId: string,
  senderName: string | null,
  role: Role,
  status: MessageStatus,
  createdAt: number,
  updatedAt: number,
  error: string | null,
  metadata: string,
  content: string,
];

export function toMessage(threadId: string, row: MessageRow): Message {
  const [, position, seq, id, messageId, senderId, senderName, role, status, createdAt, updatedAt, error] = row;
  return {
    id,
    thread_id: threadId,
    position,
    seq,
    message_id: messageId,
    sender: senderName === null ? { id: senderId } : { id: senderId, name: senderName },
    role,
    content: row[13],
    metadata: toMetadata(row[12]),
    status,
    created_at: toTime(createdAt),
    updated_at: toTime(updatedAt),
    ...(error === null ? undefined : { error }),
  };
}

/** Reads the text of a message that streams, in parts: of {@link readParts}. */
export const partsQuery =
  'SELECT text FROM (SELECT offset, text FROM stream_parts WHERE message = ?1 ' +
  'UNION ALL SELECT offset, text FROM stream_log WHERE message = ?1) ORDER BY offset';

/** The length of the text of stream `s`: what its newest piece says of it, or else what was filed. */
export const streamLength = newest('length');
/** Until when stream `s`, which has not ended, is its producer's. */
export const streamLease = newest('lease_until');

function newest(column: 'length' | 'lease_until'): string {
  const logged = `(SELECT ${column} FROM stream_log WHERE message = s.message ORDER BY key DESC LIMIT 1)`;
  return `coalesce(${logged}, s.${column})`;
}

/** The text so far of the message of this key. */
export function readParts(parts: (key: number) => readonly (readonly [text: string])[], key: number): string {
  return parts(key)
    .map(([text]) => text)
    .join('');
}

export const auditColumns = 'id, at, operator, address, action, target, outcome, detail';

export type AuditRow = readonly [
  id: string,
  at: number,
  operator: string,
  address: string,
  action: string,
  target: string,
  outcome: AuditEntry['outcome'],
  detail: string,
];

export function toAuditEntry([id, at, operator, address, action, target, outcome, detail]: AuditRow): AuditEntry {
  return { id, at, operator, address, action, target, outcome, detail };
}

export const revocationColumns = 'user_id, at, operator, reason';

export type RevocationRow = readonly [userId: string, at: number, operator: string, reason: string];

export function toRevocation([userId, at, operator, reason]: RevocationRow): Revocation {
  return { userId, at, operator, reason };
}

export function toMetadata(text: string): JsonObject {
  return text === '{}' ? {} : (JSON.parse(text) as JsonObject);
}

/** ISO 8601 in UTC with milliseconds. */
export function toTime(ms: number): string {
  return new Date(ms).toISOString();
}
