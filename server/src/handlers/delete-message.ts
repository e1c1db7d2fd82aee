import { refused } from '../request-error.ts';
import type { SharedHandler } from './handler.ts';

export const deleteMessage: SharedHandler<'delete_message'> = async ({ writer, actor, now }, payload) => {
  const result = await writer.write({
    kind: 'delete',
    threadId: payload.thread_id,
    actor,
    id: payload.id,
    ifSeq: payload.if_seq,
    at: now(),
  });
  if (!result.ok) throw refused(result);
  return { message: result.message };
};
