import { refused } from '../request-error.ts';
import { evictStrangers } from './evict.ts';
import type { SharedHandler } from './handler.ts';

export const updateThread: SharedHandler<'update_thread'> = async (context, payload) => {
  const { store, watch, headPoll, actor, now } = context;
  const result = await store
    .updateThread({
      threadId: payload.thread_id,
      actor,
      title: payload.title,
      members: payload.members,
      metadata: payload.metadata,
      at: now(),
    })
    .catch((error: unknown) => {
      // It may have taken effect: whoever was removed must not stay.
      headPoll.alert();
      context.responders?.changed(payload.thread_id);
      throw error;
    });
  if (!result.ok) throw refused(result);
  // Also where nothing changes now: this may repeat a request that took effect without an answer.
  evictStrangers(context, result.thread);
  if (result.changed) watch.changed(result.thread, result.before);
  context.responders?.changed(payload.thread_id, result.before);
  return { thread: result.thread };
};
