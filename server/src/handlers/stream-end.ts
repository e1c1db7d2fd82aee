import type { Handler } from './handler.ts';
import { streamsUnavailable } from './streams-unavailable.ts';

export const streamEnd: Handler<'stream_end'> = () => {
  throw streamsUnavailable();
};
