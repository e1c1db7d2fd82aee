import type { Handler } from './handler.ts';

export const unwatchThreads: Handler<'unwatch_threads'> = ({ watch, connection }) => {
  watch.remove(connection);
  return {};
};
