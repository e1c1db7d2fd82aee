import type { DurableEvent, Message, ServerPayload } from '@threadwire/protocol';

/** One durable change of a thread, as it is announced to the thread's room. */
export type Change = {
  [E in DurableEvent]: {
    readonly threadId: string;
    readonly seq: number;
    readonly event: E;
    readonly payload: ServerPayload<E>;
  };
}[DurableEvent];

/** Announces a message as new or as updated. */
export function messageChange(event: 'thread_message' | 'message_updated', message: Message): Change {
  return { threadId: message.thread_id, seq: message.seq, event, payload: message };
}
