import type { Handler } from './handler.ts';

export const streamChunk: Handler<'stream_chunk'> = async ({ streams, connection }, payload) => ({
  offset: await streams.append(connection, payload),
});
