import type { AppendOp, StreamStartOp } from '../thread-store.ts';
import type { Head, MessageDocument } from './documents.ts';

/** The document of a new message that takes the number after the head; `writeId` is the write's. */
export function newDocument(op: AppendOp | StreamStartOp, head: Head, writeId: string): MessageDocument {
  const seq = head.seq + 1;
  const at = new Date(op.at);
  return {
    _id: op.id,
    thread_id: op.threadId,
    position: seq,
    seq,
    taken: [seq],
    message_id: op.messageId,
    sender_id: op.actor.id,
    ...(op.actor.name === undefined ? undefined : { sender_name: op.actor.name }),
    role: op.role,
    content: op.kind === 'append' ? op.content : '',
    metadata: JSON.stringify(op.metadata),
    status: op.kind === 'append' ? 'complete' : 'streaming',
    created_at: at,
    updated_at: at,
    active_at: new Date(Math.max(op.at, head.activeAt)),
    write_id: writeId,
    ...(op.kind === 'append' ? undefined : { epoch: 1, length: 0, lease_until: new Date(op.leaseUntil), parts: [] }),
  };
}
