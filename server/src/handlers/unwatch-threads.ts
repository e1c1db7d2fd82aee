import type { Handler } from './handler.ts';

export const unwatchThreads: Handler<'unwatch_threads'> = ({ watch, connection, afterAnswer }) => {
  // Like `watch_threads`: of two that come together the second holds.
  afterAnswer(() => watch.remove(connection));
  return {};
};
