import type { DurableEvent, Message, ServerPayload } from '@threadwire/protocol';
import type { MessageWritten, StreamTextOp, WriteOp } from '../store/thread-store.ts';

/** One durable change of a thread, as it is announced to the thread's room. */
export type Change = {
  [E in DurableEvent]: {
    readonly threadId: string;
    readonly seq: number;
    readonly event: E;
    readonly payload: ServerPayload<E>;
  };
}[DurableEvent];

/** Text that a streamed message got: not durable by itself, since the message is. */
export interface TextChange {
  readonly threadId: string;
  readonly event: 'stream_chunk';
  /** That of its message: what listeners have seen up to here tells whether they know of it. */
  readonly position: number;
  readonly payload: ServerPayload<'stream_chunk'>;
}

/** What is announced to a thread's room. */
export type Announcement = Change | TextChange;

/** Announces a message as new or as updated. */
export function messageChange(event: 'thread_message' | 'message_updated' | 'stream_start', message: Message): Change {
  return { threadId: message.thread_id, seq: message.seq, event, payload: message };
}

/** Announces what an op came to that took a seq. */
export function changeOf(op: Exclude<WriteOp, StreamTextOp>, { message, stream }: MessageWritten): Change {
  switch (op.kind) {
    case 'append':
      return messageChange('thread_message', message);
    case 'edit':
    case 'delete':
      return messageChange('message_updated', message);
    case 'stream_start':
      return messageChange('stream_start', message);
    case 'stream_end': {
      const { thread_id, id, seq, error, metadata, updated_at } = message;
      const payload = {
        thread_id,
        stream_id: id,
        seq,
        status: op.status,
        length: stream!.length,
        ...(error !== undefined && { error }),
        ...(op.metadata !== undefined && { metadata }),
        ...(op.reason !== undefined && { reason: op.reason }),
        updated_at,
      };
      return { threadId: thread_id, seq, event: 'stream_end', payload };
    }
  }
}
