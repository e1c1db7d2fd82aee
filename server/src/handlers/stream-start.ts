import type { Handler } from './handler.ts';
import { streamsUnavailable } from './streams-unavailable.ts';

export const streamStart: Handler<'stream_start'> = () => {
  throw streamsUnavailable();
};
