import { refused } from '../request-error.ts';
import type { SharedHandler } from './handler.ts';

export const deleteMessage: SharedHandler<'delete_message'> = async ({ writer, streams, actor, now }, payload) => {
  let ifSeq = payload.if_seq;
  for (;;) {
    const result = await writer.write({
      kind: 'delete',
      threadId: payload.thread_id,
      actor,
      id: payload.id,
      ifSeq,
      at: now(),
    });
    if (result.ok) return { message: result.message };
    if (result.code !== 'stream_conflict') throw refused(result);
    // It streams, and that has to end first.
    const ended = await streams.cancel(actor, { stream_id: payload.id });
    if (ifSeq !== undefined) ifSeq = ended.seq;
  }
};
