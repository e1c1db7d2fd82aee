import type { Handler } from './handler.ts';
import { streamsUnavailable } from './streams-unavailable.ts';

export const streamChunk: Handler<'stream_chunk'> = () => {
  throw streamsUnavailable();
};
