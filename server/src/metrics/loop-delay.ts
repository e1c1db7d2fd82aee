import { monitorEventLoopDelay } from 'node:perf_hooks';

/** How often the loop is looked at: what it is late by then is its delay. */
const resolutionMs = 20;

export interface LoopDelayed {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** By how much the event loop is late: what everybody waits whose request comes while it is busy. */
export class LoopDelay {
  readonly #histogram = monitorEventLoopDelay({ resolution: resolutionMs });

  constructor() {
    this.#histogram.enable();
  }

  /** Since it was asked last. */
  take(): LoopDelayed {
    const histogram = this.#histogram;
    const delayed = {
      p50Ms: toDelayMs(histogram.percentile(50)),
      p99Ms: toDelayMs(histogram.percentile(99)),
      maxMs: toDelayMs(histogram.max),
    };
    histogram.reset();
    return delayed;
  }

  stop(): void {
    this.#histogram.disable();
  }
}

/** Node gives the time between two looks, in nanoseconds; 0 where there was no look. */
function toDelayMs(betweenNs: number): number {
  return Math.max(0, betweenNs / 1e6 - resolutionMs);
}
