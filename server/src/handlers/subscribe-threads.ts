import { limits } from '@threadwire/protocol';
import type { Handler } from './handler.ts';
import { joinThreads } from './join-threads.ts';

export const subscribeThreads: Handler<'subscribe_threads'> = async (context, { threads }) => {
  const results = await joinThreads(context, threads, limits.maxSubscribeBytes);
  return {
    threads: results.map((result, i) => {
      if (result.ok) return { ok: true, data: result.history };
      context.metrics.refused(result.error.code);
      return { ok: false, error: result.error.toObject({ thread_id: threads[i]!.thread_id }) };
    }),
  };
};
