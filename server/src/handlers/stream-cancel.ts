import type { SharedHandler } from './handler.ts';

export const streamCancel: SharedHandler<'stream_cancel'> = async ({ streams, actor }, payload) => ({
  message: await streams.cancel(actor, payload),
});
