import { monitorEventLoopDelay } from 'node:perf_hooks';
import { BroadcastChannel } from 'node:worker_threads';
import { collectChannel } from './collect-in-threads.ts';

/** What the process that drives the load asks a server's process for. */
export interface Ask {
  readonly id: number;
  /** `watch` begins to measure the delay of the event loop. */
  readonly what: 'sample' | 'watch';
  /** Collects garbage first, so that memory is what is held. */
  readonly gc?: boolean;
}

/** A server's process at one moment. */
export interface Sample {
  /** User and system time of all threads since the process began. */
  readonly cpuUs: number;
  readonly rssBytes: number;
  /** JavaScript's memory: the heap in use, and buffers. Absent in processes that are not Node. */
  readonly heapBytes?: number;
  /** Since the last `watch`: how much later than asked for 99 of 100 timers came. */
  readonly loopDelayP99Ms?: number;
  /** Since the last sample: how long the store's `write()` took for each batch. Only where it was asked for. */
  readonly commitsMs?: readonly number[];
}

export type Answer = { readonly port: number } | { readonly id: number; readonly sample: Sample };

/** How often the loop's delay is looked at; it is in what the histogram says, and is taken off. */
const resolutionMs = 2;

/** The options that this process was started with. */
export function serverOptions(): unknown {
  return JSON.parse(process.argv[2] ?? '{}');
}

/** Tells the parent where the server listens, and answers it from now on; ends with it. */
export function serve(port: number, takeCommitsMs?: () => readonly number[]): void {
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  const tell = (answer: Answer): void => void process.send!(answer);
  process.on('disconnect', () => process.exit());
  process.on('message', ({ id, what, gc }: Ask) => {
    if (what === 'watch') {
      delay.enable();
      delay.reset();
    }
    if (gc) collectGarbage();
    tell({ id, sample: takeSample(delay.percentile(99) / 1e6 - resolutionMs, takeCommitsMs) });
  });
  tell({ port });
}

function takeSample(loopDelayP99Ms: number, takeCommitsMs?: () => readonly number[]): Sample {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, external } = process.memoryUsage();
  return {
    cpuUs: user + system,
    rssBytes: rss,
    heapBytes: heapUsed + external,
    loopDelayP99Ms: Math.max(0, loopDelayP99Ms),
    ...(takeCommitsMs && { commitsMs: takeCommitsMs() }),
  };
}

/** The other threads hear it where they were told to listen. */
const collecting = new BroadcastChannel(collectChannel);
collecting.unref();

function collectGarbage(): void {
  if (!globalThis.gc) throw new Error('the process was started without --expose-gc');
  globalThis.gc();
  collecting.postMessage('now');
}
