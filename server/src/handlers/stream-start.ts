import type { ClientData } from '@threadwire/protocol';
import { revoked } from '../admin/revocations.ts';
import { RequestError } from '../request-error.ts';
import type { Services } from '../services.ts';
import type { StreamProducer } from '../streams/active-stream.ts';
import type { StartRequest } from '../streams/streams.ts';
import type { Actor } from '../threads/access.ts';
import type { Handler } from './handler.ts';

/** @throws {RequestError} `forbidden` */
function mayStream(actor: Actor): void {
  if (!actor.agent && !actor.admin) throw new RequestError('forbidden', 'Streaming needs the scope agent.');
}

/**
 * Starts a stream, or takes it over. When a user is revoked all of their streams are cancelled: one that had not begun by
 * then is cancelled here.
 *
 * @throws {RequestError}
 */
export async function startStream(
  { streams, revocations }: Pick<Services, 'streams' | 'revocations'>,
  producer: StreamProducer,
  request: StartRequest,
): Promise<ClientData<'stream_start'>> {
  const { actor } = producer;
  mayStream(actor);
  const started = await streams.start(producer, request);
  if (started.message.status === 'streaming' && revocations.has(actor.id)) {
    await streams.cancel(actor, { stream_id: started.message.id });
    throw revoked();
  }
  return started;
}

export const streamStart: Handler<'stream_start'> = async (services, payload) =>
  await startStream(services, services.connection, {
    threadId: payload.thread_id,
    messageId: payload.message_id ?? services.newId(),
    role: payload.role ?? 'assistant',
    metadata: payload.metadata ?? {},
  });
