import { refused } from '../request-error.ts';
import type { SharedHandler } from './handler.ts';

export const deleteMessage: SharedHandler<'delete_message'> = async ({ writer, actor, now }, payload) => {
  const { thread_id: threadId, id } = payload;
  let ifSeq = payload.if_seq;
  for (;;) {
    const result = await writer.write({ kind: 'delete', threadId, actor, id, ifSeq, at: now() });
    if (result.ok) return { message: result.message };
    if (result.code !== 'stream_conflict') throw refused(result);
    // It streams, and that has to end first.
    const ended = await writer.write({ kind: 'stream_end', threadId, actor, id, status: 'cancelled', at: now() });
    if (!ended.ok) throw refused(ended);
    // Only an end of our own is no change by somebody else: its producer, or who else cancels it, may have been first.
    if (ended.changed && ifSeq !== undefined) ifSeq = ended.message.seq;
  }
};
