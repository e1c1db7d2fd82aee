import type { Logger } from '../logger.ts';
import { StoreUnavailable } from '../store/thread-store.ts';
import type { AbandonedStream, StreamEndOp, ThreadStore } from '../store/thread-store.ts';
import { toRequestError } from '../request-error.ts';
import type { ActiveStream } from './active-stream.ts';
import type { Streams } from './streams.ts';

export interface LeaseWatchPorts {
  readonly streams: Pick<Streams, 'active' | 'interrupt' | 'renew'>;
  readonly store: Pick<ThreadStore, 'abandonedStreams'>;
  readonly write: (op: StreamEndOp) => Promise<unknown>;
  /** Goes on with a stream that was left, if it can; else it is called interrupted. */
  readonly takeUp?: ((stream: AbandonedStream) => Promise<boolean>) | undefined;
  readonly logger: Logger;
  /** Milliseconds since the epoch: what stands in the store. */
  readonly now: () => number;
  /** Milliseconds of a clock that nobody sets. */
  readonly steadyNow: () => number;
  /** Calls back after `delayMs`; injected by tests. */
  readonly schedule: (callback: () => void, delayMs: number) => void;
  readonly leaseMs: number;
  /** How long a producer that is connected may be silent. */
  readonly maxIdleMs: number;
}

const longestRoundMs = 1000;
/** Rounds in the time of a lease, where that is short. */
const roundsPerLease = 10;
const renewalsPerLease = 3;
const maxAbandoned = 100;

/**
 * Sees to it that every stream ends: renews the leases of those whose producers are here, and calls those interrupted
 * whose producers have gone, or are silent for too long, or went with their server.
 */
export class LeaseWatch {
  readonly #ports: LeaseWatchPorts;
  #isStopped = false;

  constructor(ports: LeaseWatchPorts) {
    this.#ports = ports;
  }

  start(): void {
    const { schedule, leaseMs } = this.#ports;
    if (this.#isStopped) return;
    schedule(() => void this.#round().finally(() => this.start()), Math.min(longestRoundMs, leaseMs / roundsPerLease));
  }

  stop(): void {
    this.#isStopped = true;
  }

  async #round(): Promise<void> {
    if (this.#isStopped) return;
    for (const stream of this.#ports.streams.active.values()) this.#look(stream);
    try {
      await this.#endAbandoned();
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) this.#ports.logger.error({ err: error }, 'abandoned streams go on');
    }
  }

  #look(stream: ActiveStream): void {
    const { streams, steadyNow, leaseMs, maxIdleMs, logger } = this.#ports;
    const { leaseOverAt, heardAt, renewedAt } = stream;
    const at = steadyNow();
    if (leaseOverAt === undefined && at - heardAt < maxIdleMs) {
      if (at - renewedAt >= leaseMs / renewalsPerLease) streams.renew(stream);
    } else if (leaseOverAt === undefined || leaseOverAt <= at) {
      // The next round tries again.
      streams.interrupt(stream).catch((error: unknown) => {
        logger.warn({ err: toRequestError(error), stream_id: stream.id }, 'a stream could not be ended, trying again');
      });
    }
  }

  /** Those of servers that have gone, this one before it was started again among them. */
  async #endAbandoned(): Promise<void> {
    const { store, streams, write, now, takeUp } = this.#ports;
    const at = now();
    const abandoned = await store.abandonedStreams(at, maxAbandoned);
    const others = abandoned.filter(({ id }) => !streams.active.has(id));
    await Promise.all(
      others.map(async (stream) => {
        if (await takeUp?.(stream)) return;
        // One that was taken up elsewhere meanwhile is refused.
        await write({ kind: 'stream_end', status: 'interrupted', leaseOverAt: at, at, ...stream });
      }),
    );
  }
}
