import { RequestError, toRequestError } from '../request-error.ts';
import type { Services } from '../services.ts';
import type { Actor } from '../threads/access.ts';

/** Operators may end every stream. */
export const operatorActor: Actor = { id: 'operator', agent: false, admin: true };

/**
 * Ends what a user has going: connections for good, and streams, which would else wait for their producer to come back.
 * Returns how many connections there were.
 */
export function expel(
  { rooms, streams, logger }: Pick<Services, 'rooms' | 'streams' | 'logger'>,
  userId: string,
  error: RequestError,
): number {
  const connections = [...rooms.connections.values()].filter(({ actor }) => actor.id === userId);
  for (const connection of connections) connection.fail(error.toObject());
  for (const { id, senderId } of streams.active.values()) {
    if (senderId !== userId) continue;
    void streams.cancel(operatorActor, { stream_id: id, reason: error.message }).catch((thrown: unknown) => {
      // It has ended meanwhile, or its lease will see to it.
      logger.info({ code: toRequestError(thrown).code, stream_id: id }, "a revoked user's stream was not cancelled");
    });
  }
  return connections.length;
}

/** What whoever is disconnected is told. It is for good: stock clients do not come back by themselves. */
export function disconnected(): RequestError {
  return new RequestError('forbidden', 'An operator ended the connection.', { fatal: true });
}
