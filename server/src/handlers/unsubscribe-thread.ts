import type { Handler } from './handler.ts';

export const unsubscribeThread: Handler<'unsubscribe_thread'> = async (context, { thread_id }) => {
  const { rooms, connection, afterAnswer } = context;
  // Behind a subscribe of the same thread that is under way, so that the last one asked for holds.
  const release = await connection.threadQueue.acquire([thread_id]);
  rooms.leave(thread_id, connection);
  connection.subscriptions.delete(thread_id);
  afterAnswer(release);
  return {};
};
