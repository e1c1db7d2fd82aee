import type { Thread } from '@threadwire/protocol';
import type { Connection } from '../connection/connection.ts';
import { RequestError } from '../request-error.ts';
import type { Services } from '../services.ts';
import { mayRead } from '../threads/access.ts';

/** Takes a connection out of a thread, by default because it may no longer read it, and tells it. */
export function evict(
  { rooms, metrics }: Pick<Services, 'rooms' | 'metrics'>,
  connection: Connection,
  threadId: string,
  why = 'You may no longer read this thread.',
): void {
  rooms.leave(threadId, connection);
  connection.subscriptions.delete(threadId);
  const error = new RequestError('forbidden', why, { thread_id: threadId });
  metrics.refused(error.code);
  connection.fail(error.toObject());
}

/** Takes everybody out of a thread who may not read it any more. To be called in the turn in which that is known. */
export function evictStrangers(services: Services, thread: Thread): void {
  services.announcer.accessChanged(thread.id);
  services.streams.accessChanged(thread);
  for (const connection of services.rooms.members(thread.id)) {
    if (!mayRead(thread, connection.actor)) evict(services, connection, thread.id);
  }
}

/** Takes a connection, whose rights have shrunk, out of the threads it may not read any more. */
export async function evictFromAll(services: Services, connection: Connection): Promise<void> {
  for (const threadId of connection.subscriptions) services.announcer.accessChanged(threadId);
  const threads = await services.store.threads([...connection.subscriptions]).catch((error: unknown) => {
    // Nobody can tell what it may still read, so it has to start again.
    connection.closeTransport();
    throw error;
  });
  for (const thread of threads) {
    if (!mayRead(thread, connection.actor)) evict(services, connection, thread.id);
  }
}
