import { isDeepStrictEqual } from 'node:util';
import type { JsonObject, Message, Thread } from '@threadwire/protocol';
import { mayChange, mayRead } from '../threads/access.ts';
import type { ThreadAccess } from '../threads/access.ts';
import type { DeleteOp, EditOp, Refusal, UpdateThread, WriteOp } from './thread-store.ts';

// What both stores decide the same way. Pure: a store reads, asks here, and writes under the condition that
// what it read still holds.

function refuse(code: Refusal['code'], message: string, details?: Refusal['details']): Refusal {
  return details ? { ok: false, code, message, details } : { ok: false, code, message };
}

/** The refusal of whoever may not know that the thread exists; also for a thread that does not exist. */
export function threadNotFound(threadId: string): Refusal {
  return refuse('thread_not_found', `There is no thread ${threadId} that you may read.`);
}

/** Whether a write to the thread is allowed at all. */
export function checkThread(
  thread: ThreadAccess | undefined,
  op: Pick<WriteOp, 'actor' | 'threadId'>,
): Refusal | undefined {
  return thread && mayRead(thread, op.actor) ? undefined : threadNotFound(op.threadId);
}

/** What an edit or delete comes to: refused, nothing to change, or the message's new fields. */
export type Decision =
  | { readonly do: 'refuse'; readonly refusal: Refusal }
  | { readonly do: 'nothing' }
  | { readonly do: 'change'; readonly fields: Pick<Message, 'content' | 'metadata' | 'status'> };

/** Decides an edit or delete of a message as it is now (undefined: there is none in the thread). */
export function decideChange(message: Message | undefined, op: EditOp | DeleteOp): Decision {
  if (!message) {
    return { do: 'refuse', refusal: refuse('message_not_found', `There is no message ${op.id} in the thread.`) };
  }
  if (message.sender.id !== op.actor.id && !op.actor.admin) {
    return { do: 'refuse', refusal: refuse('forbidden', 'Only the sender may change this message.') };
  }
  if (message.status === 'deleted') {
    if (op.kind === 'delete') return { do: 'nothing' };
    return { do: 'refuse', refusal: refuse('message_not_found', `Message ${op.id} was deleted.`) };
  }
  if (op.ifSeq !== undefined && op.ifSeq !== message.seq) {
    const text = `Message ${op.id} changed: its seq is ${message.seq}, not ${op.ifSeq}.`;
    return { do: 'refuse', refusal: refuse('seq_conflict', text, { seq: message.seq }) };
  }
  if (op.kind === 'delete') return { do: 'change', fields: { content: '', metadata: {}, status: 'deleted' } };
  if (message.status === 'streaming') {
    return { do: 'refuse', refusal: refuse('stream_conflict', 'The message is still streaming.') };
  }
  const metadata = op.metadata ?? message.metadata;
  if (op.content === message.content && isDeepStrictEqual(metadata, message.metadata)) return { do: 'nothing' };
  return { do: 'change', fields: { content: op.content, metadata, status: message.status } };
}

/** What an update of a thread comes to. */
export type ThreadDecision =
  | { readonly do: 'refuse'; readonly refusal: Refusal }
  | { readonly do: 'nothing' }
  | {
      readonly do: 'change';
      readonly fields: { title: string; members: string[]; metadata: JsonObject };
    };

/** Decides an update of a thread as it is now. */
export function decideThreadUpdate(thread: Thread | undefined, request: UpdateThread): ThreadDecision {
  if (!thread || !mayRead(thread, request.actor)) {
    return { do: 'refuse', refusal: threadNotFound(request.threadId) };
  }
  if (!mayChange(thread, request.actor)) {
    return { do: 'refuse', refusal: refuse('forbidden', 'Only its creator may change this thread.') };
  }
  const fields = {
    title: request.title ?? thread.title,
    members: request.members ? [...new Set(request.members)] : thread.members,
    metadata: request.metadata ?? thread.metadata,
  };
  const before = { title: thread.title, members: thread.members, metadata: thread.metadata };
  return isDeepStrictEqual(fields, before) ? { do: 'nothing' } : { do: 'change', fields };
}

/** The refusal of a create whose id another user took. */
export function threadExists(threadId: string): Refusal {
  return refuse('thread_exists', `Another user created thread ${threadId}.`);
}
