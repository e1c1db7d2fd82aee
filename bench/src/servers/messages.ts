import { randomUUID } from 'node:crypto';
import type { Message } from '@threadwire/protocol';

/** What a client sends, in every server here. */
export interface SendMessage {
  readonly thread_id: string;
  readonly content: string;
  readonly message_id: string;
}

const heads = new Map<string, number>();

/** Counts a thread's messages, in memory. */
export function nextSeq(threadId: string): number {
  const seq = (heads.get(threadId) ?? 0) + 1;
  heads.set(threadId, seq);
  return seq;
}

/** The same object as Threadwire makes of it, field by field: every server sends the same bytes. */
export function toMessage(sent: SendMessage, senderId: string, seq: number): Message {
  const at = new Date().toISOString();
  return {
    id: randomUUID(),
    thread_id: sent.thread_id,
    position: seq,
    seq,
    message_id: sent.message_id,
    sender: { id: senderId },
    role: 'user',
    content: sent.content,
    metadata: {},
    status: 'complete',
    created_at: at,
    updated_at: at,
  };
}
