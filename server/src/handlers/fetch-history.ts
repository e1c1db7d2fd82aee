import { refused } from '../request-error.ts';
import type { SharedHandler } from './handler.ts';

export const fetchHistory: SharedHandler<'fetch_history'> = async ({ store, actor }, payload) => {
  const [result] = await store.histories([
    {
      threadId: payload.thread_id,
      actor,
      afterSeq: payload.after_seq,
      beforePosition: payload.before_position,
      limit: payload.limit,
    },
  ]);
  if (!result!.ok) throw refused(result!);
  return result!.history;
};
