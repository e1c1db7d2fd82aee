import type { Logger } from '../logger.ts';
import { StoreUnavailable } from '../store/thread-store.ts';
import type { AbandonedStream, StreamEndOp, ThreadStore } from '../store/thread-store.ts';
import { toRequestError } from '../request-error.ts';
import type { ActiveStream } from './active-stream.ts';
import { renewEveryMs } from './lease.ts';
import type { Streams } from './streams.ts';

export interface LeaseWatchPorts {
  readonly streams: Pick<Streams, 'active' | 'interrupt' | 'renew'>;
  readonly store: Pick<ThreadStore, 'abandonedStreams'>;
  readonly write: (op: StreamEndOp) => Promise<{ readonly ok: boolean }>;
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

  /** The first round comes at once: what a server left whose lease is over by now has waited long enough. */
  start(): void {
    this.#scheduleRound(0);
  }

  stop(): void {
    this.#isStopped = true;
  }

  #scheduleRound(delayMs: number): void {
    const { schedule, leaseMs } = this.#ports;
    if (this.#isStopped) return;
    const pauseMs = Math.min(longestRoundMs, renewEveryMs(leaseMs));
    schedule(() => void this.#round().finally(() => this.#scheduleRound(pauseMs)), delayMs);
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
      if (at - renewedAt >= renewEveryMs(leaseMs)) streams.renew(stream);
    } else if (leaseOverAt === undefined || leaseOverAt <= at) {
      // The next round tries again.
      streams.interrupt(stream).catch((error: unknown) => {
        logger.warn({ err: toRequestError(error), stream_id: stream.id }, 'a stream could not be ended, trying again');
      });
    }
  }

  /** Those of servers that have gone, this one before it was started again among them. */
  async #endAbandoned(): Promise<void> {
    const { store, streams, now } = this.#ports;
    const at = now();
    let isMore = true;
    while (isMore && !this.#isStopped) {
      const abandoned = await store.abandonedStreams(at, maxAbandoned);
      const others = abandoned.filter(({ id }) => !streams.active.has(id));
      const areEnded = await Promise.all(others.map((stream) => this.#endOne(stream, at)));
      // Those that have not ended would only be found again.
      isMore = abandoned.length === maxAbandoned && areEnded.includes(true);
    }
  }

  async #endOne(stream: AbandonedStream, at: number): Promise<boolean> {
    const { write, takeUp } = this.#ports;
    if (await takeUp?.(stream)) return false;
    // One that was taken up elsewhere meanwhile is refused.
    const { ok } = await write({ kind: 'stream_end', status: 'interrupted', leaseOverAt: at, at, ...stream });
    return ok;
  }
}
