import type { Rooms } from '../fanout/rooms.ts';
import { RequestError } from '../request-error.ts';

const sweepMs = 500;

/** Ends connections whose token has run out, and calls back for each: one timer for all of them. Returns what stops it. */
export function watchExpiry(rooms: Rooms, now: () => number, onExpired = (): void => undefined): () => void {
  const timer = setInterval(() => {
    const at = now();
    for (const connection of rooms.connections.values()) {
      const { expiresAt } = connection.identity;
      if (expiresAt === undefined || expiresAt > at) continue;
      onExpired();
      connection.fail(new RequestError('token_expired', 'The token has run out.', { fatal: true }).toObject());
    }
  }, sweepMs);
  timer.unref();
  return () => clearInterval(timer);
}
