import type { Handler } from './handler.ts';
import { streamsUnavailable } from './streams-unavailable.ts';

export const streamCancel: Handler<'stream_cancel'> = () => {
  throw streamsUnavailable();
};
