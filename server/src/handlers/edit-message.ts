import { refused } from '../request-error.ts';
import type { SharedHandler } from './handler.ts';

export const editMessage: SharedHandler<'edit_message'> = async ({ writer, actor, now }, payload) => {
  const result = await writer.write({
    kind: 'edit',
    threadId: payload.thread_id,
    actor,
    id: payload.id,
    content: payload.content,
    metadata: payload.metadata,
    ifSeq: payload.if_seq,
    at: now(),
  });
  if (!result.ok) throw refused(result);
  return { message: result.message };
};
