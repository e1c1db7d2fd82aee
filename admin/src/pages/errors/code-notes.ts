import type { Refusal } from '../../connection/protocol.ts';

const atConnecting = 'Connections that were turned away with it count too, and are not among the last refusals.';
const byThread =
  'Each thread of a subscribe_threads that is refused counts by itself, and is not among the last refusals.';

/** Of codes whose count is not simply how many requests were refused: what is counted. */
export const codeNotes: Partial<Record<Refusal['code'], string>> = {
  slow_consumer:
    'Connections that were closed because more than 1 MiB waited for them: they read too slowly. ' +
    'Each count is one connection, and no refused request, so it is not among the last refusals. ' +
    'Text of streams that they were not sent before does not count. They come back, and recover what they missed.',
  token_expired:
    'Connections that were closed because their token ran out count too, and are not among the last refusals.',
  forbidden: `Whoever is taken out of a thread that they may not read any more is told so by this: each thread of each connection counts. ${atConnecting}`,
  thread_not_found: byThread,
  too_many_subscriptions: byThread,
  unauthenticated: atConnecting,
  protocol_mismatch: atConnecting,
  rate_limited: atConnecting,
  overloaded: atConnecting,
  unavailable: `${atConnecting} ${byThread}`,
  internal: 'Faults of the server. Its own log has each of them.',
};

/** How many errors clients were given: closed connections are none. */
export function refusedTotal(counts: Readonly<Record<Refusal['code'], number>>): number {
  const { slow_consumer: _closed, ...refusals } = counts;
  return Object.values(refusals).reduce((sum, count) => sum + count, 0);
}
