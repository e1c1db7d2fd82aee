import { RequestError } from '../request-error.ts';
import { evictFromAll } from './evict.ts';
import type { Handler } from './handler.ts';

/** No thread has this id. */
const queueKey = ' reauth';

export const reauth: Handler<'reauth'> = async (context, { token }) => {
  const { authenticator, connection, watch, afterAnswer } = context;
  // One after the other: of tokens that come together the last one holds.
  afterAnswer(await connection.threadQueue.acquire([queueKey]));
  if (authenticator.anonymous) return { user: connection.identity.user };
  const identity = await authenticator.identify({ token }).catch((error: unknown) => {
    const isExpired = error instanceof RequestError && error.code === 'token_expired';
    // To have run out already is one of the ways in which a new token can be bad; the old one may still hold.
    throw isExpired ? new RequestError('unauthenticated', 'The new token has run out already.') : error;
  });
  const before = connection.identity;
  if (identity.user.id !== before.user.id) {
    throw new RequestError('forbidden', 'The token is of another user.');
  }
  connection.renew(identity);
  // What was open to an admin may be closed to the user.
  if (before.actor.admin && !identity.actor.admin) {
    await evictFromAll(context, connection);
    // Nobody knows which of all threads its list holds: it has to come back, and lists what the user may see.
    afterAnswer(() => {
      if (watch.has(connection)) connection.closeTransport();
    });
  }
  return { user: identity.user, expires_at: new Date(identity.expiresAt!).toISOString() };
};
