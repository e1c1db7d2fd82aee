import type { Handler } from './handler.ts';
import { joinThreads } from './join-threads.ts';

export const subscribeThread: Handler<'subscribe_thread'> = async (context, payload) => {
  const [result] = await joinThreads(context, [payload]);
  if (!result!.ok) throw result!.error;
  return result!.history;
};
