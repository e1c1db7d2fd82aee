import type { Handler } from './handler.ts';

export const watchThreads: Handler<'watch_threads'> = ({ watch, connection, afterAnswer }) => {
  afterAnswer(() => watch.add(connection));
  return {};
};
