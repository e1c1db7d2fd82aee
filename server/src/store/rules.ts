import { isDeepStrictEqual } from 'node:util';
import { limits } from '@threadwire/protocol';
import type { JsonObject, Message, MessageStatus, Thread } from '@threadwire/protocol';
import { mayChange, mayRead } from '../threads/access.ts';
import type { ThreadAccess } from '../threads/access.ts';
import type {
  DeleteOp,
  EditOp,
  Refusal,
  StreamEndOp,
  StreamStartOp,
  StreamState,
  StreamTextOp,
  UpdateThread,
  WriteOp,
} from './thread-store.ts';

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
  op: Pick<WriteOp, 'kind' | 'actor' | 'threadId'>,
): Refusal | undefined {
  if (thread && (!op.actor || mayRead(thread, op.actor))) return undefined;
  return op.kind === 'stream_text' || op.kind === 'stream_end' ? streamNotFound : threadNotFound(op.threadId);
}

/** What an edit or delete comes to: refused, nothing to change, or the message's new fields. */
/** What a message is to have. Why a stream failed may repeat what was in it: of a deleted one it is gone, too. */
export interface ChangedFields extends Pick<Message, 'content' | 'metadata' | 'status'> {
  readonly error: string | undefined;
}

export type Decision =
  | { readonly do: 'refuse'; readonly refusal: Refusal }
  | { readonly do: 'nothing' }
  | { readonly do: 'change'; readonly fields: ChangedFields };

/**
 * Decides an edit or delete of a message as it is now (undefined: there is none in the thread). One that streams has to end first.
 */
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
  if (message.status === 'streaming') {
    return { do: 'refuse', refusal: refuse('stream_conflict', 'The message is still streaming.') };
  }
  if (op.kind === 'delete')
    return { do: 'change', fields: { content: '', metadata: {}, status: 'deleted', error: undefined } };
  const metadata = op.metadata ?? message.metadata;
  const { status, error } = message;
  if (op.content === message.content && isDeepStrictEqual(metadata, message.metadata)) return { do: 'nothing' };
  return { do: 'change', fields: { content: op.content, metadata, status, error } };
}

/** What of a stream decides what may be done with it. */
export interface StreamFacts extends StreamState {
  readonly senderId: string;
  readonly status: MessageStatus;
  /** (ms) */
  readonly leaseUntil: number;
}

/** The refusal of whoever may not know that the stream exists; also for what is no stream. */
export const streamNotFound: Refusal = refuse('stream_not_found', 'There is no such stream that you may read.');

const notItsProducer = refuse('forbidden', 'Only its sender may write to a stream.');
/** The refusal of a producer that is not the stream's any more. */
export const takenOver: Refusal = refuse('stream_conflict', 'The stream was taken over.', { fenced: true });

/** The refusal of text, or an end, for a stream that has ended. */
export function streamClosed(status: MessageStatus): Refusal {
  return refuse('stream_closed', `The stream has ended: it is ${status}.`, { status });
}

/** The refusal of text, or an end, that is not where the text ends. */
export function wrongOffset(expected: number): Refusal {
  return refuse('stream_conflict', `The text ends at ${expected}.`, { expected_offset: expected });
}

/**
 * Decides the start of a stream where the sender has a message of this `messageId` already: undefined of what is no
 * stream. Where it has ended there is nothing to do; else it is taken up.
 */
export function decideStreamResume(
  stream: StreamFacts | undefined,
  { ifNew }: StreamStartOp,
): Refusal | 'nothing' | 'resume' {
  if (!stream) return refuse('stream_conflict', 'A message that is no stream has this message_id.');
  return stream.status === 'streaming' && ifNew !== true ? 'resume' : 'nothing';
}

/** Decides the start of a stream in a thread where so many are running. */
export function checkNewStream(running: number): Refusal | undefined {
  if (running < limits.maxStreamsPerThread) return undefined;
  return refuse('too_many_streams', `At most ${limits.maxStreamsPerThread} streams at a time in a thread.`);
}

/** Decides text for a stream as it is now: refused, or what of it is to be appended. */
export function decideStreamText(
  stream: StreamFacts | undefined,
  op: StreamTextOp,
): Refusal | { readonly ok: true; readonly text: string; readonly length: number } {
  if (!stream) return streamNotFound;
  if (stream.senderId !== op.actor.id) return notItsProducer;
  if (stream.status !== 'streaming') return streamClosed(stream.status);
  if (stream.epoch !== op.epoch) return takenOver;
  const length = op.offset + op.text.length;
  if (stream.length < op.offset || stream.length > length) return wrongOffset(stream.length);
  return { ok: true, text: op.text.slice(stream.length - op.offset), length };
}

/** Decides the end of a stream as it is now. */
export function decideStreamEnd(stream: StreamFacts | undefined, op: StreamEndOp): Refusal | 'nothing' | 'end' {
  if (!stream) return streamNotFound;
  const isProducers = op.status === 'complete' || op.status === 'failed';
  if (isProducers && op.actor && stream.senderId !== op.actor.id) return notItsProducer;
  if (stream.status !== 'streaming') {
    if (!isProducers) return 'nothing';
    if (op.status !== stream.status) return streamClosed(stream.status);
    return op.offset === undefined || op.offset === stream.length ? 'nothing' : wrongOffset(stream.length);
  }
  if (op.epoch !== undefined && op.epoch !== stream.epoch) return takenOver;
  if (op.offset !== undefined && op.offset !== stream.length) return wrongOffset(stream.length);
  if (op.leaseOverAt !== undefined && op.leaseOverAt < stream.leaseUntil) {
    return refuse('stream_conflict', 'Its producer may still come back.');
  }
  return 'end';
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
