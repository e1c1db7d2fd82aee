import { RequestError } from '../request-error.ts';
import type { Actor } from '../threads/access.ts';
import type { Handler } from './handler.ts';

/** @throws {RequestError} `forbidden` */
export function mayStream(actor: Actor): void {
  if (!actor.agent && !actor.admin) throw new RequestError('forbidden', 'Streaming needs the scope agent.');
}

export const streamStart: Handler<'stream_start'> = async ({ streams, connection, newId }, payload) => {
  mayStream(connection.actor);
  return await streams.start(connection, {
    threadId: payload.thread_id,
    messageId: payload.message_id ?? newId(),
    role: payload.role ?? 'assistant',
    metadata: payload.metadata ?? {},
  });
};
