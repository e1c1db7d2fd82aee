import type { Handler } from './handler.ts';

export const streamEnd: Handler<'stream_end'> = async ({ streams, connection }, payload) => ({
  message: await streams.end(connection, payload),
});
