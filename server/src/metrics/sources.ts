import { Traffic } from '../connection/traffic.ts';
import type { ActiveStream } from '../streams/active-stream.ts';

/** What a running server holds, counted where it is. Read when somebody looks, not while things happen. */
export interface MetricsSources {
  readonly connections: () => number;
  readonly subscriptions: () => number;
  /** Events of threads given to connections so far. */
  readonly deliveries: () => number;
  readonly traffic: Readonly<Traffic>;
  /** Given to sockets, or about to be, and not taken by the line yet. */
  readonly bufferedBytes: () => number;
  readonly streams: () => Iterable<Pick<ActiveStream, 'ending' | 'leaseOverAt'>>;
  readonly isStoreUp: () => boolean;
}

/** Those of a server that does not run yet. */
export const noSources: MetricsSources = {
  connections: () => 0,
  subscriptions: () => 0,
  deliveries: () => 0,
  traffic: new Traffic(),
  bufferedBytes: () => 0,
  streams: () => [],
  isStoreUp: () => true,
};

/** `waiting`: for its producer to come back. */
export type StreamState = 'active' | 'waiting' | 'ending';

/** How many streams are in which state. */
export function countStreams({ streams }: MetricsSources): Readonly<Record<StreamState, number>> {
  const counts = { active: 0, waiting: 0, ending: 0 };
  for (const stream of streams()) counts[stateOf(stream)] += 1;
  return counts;
}

function stateOf({ ending, leaseOverAt }: Pick<ActiveStream, 'ending' | 'leaseOverAt'>): StreamState {
  if (ending !== undefined) return 'ending';
  return leaseOverAt === undefined ? 'active' : 'waiting';
}
