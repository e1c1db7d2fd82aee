import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { ErrorCode } from '@threadwire/protocol';
import type { Change } from '../../threads/durable-event.ts';
import type { Refusal, Sample } from './console-protocol.ts';

export interface NodeActivityPorts {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** What there is at this moment. */
  readonly count: () => Pick<Sample, 'connections' | 'subscriptions' | 'streams' | 'isStoreUp'>;
  /** Calls back after `delayMs`. */
  readonly schedule: (callback: () => void, delayMs: number) => void;
}

export const sampleEveryMs = 5000;
const maxSamples = (60 * 60 * 1000) / sampleEveryMs;
const maxRefusals = 200;
/** Of so many threads it is known how much happens in them. */
const maxThreads = 10_000;
const rateMs = 60_000;

/** Changes of a thread in the minute that runs, and in the one before. */
interface ThreadRate {
  minute: number;
  count: number;
  before: number;
}

/** What has happened on this node lately: for operators to look at, and bounded, since it may be much. */
export class NodeActivity {
  readonly #ports: NodeActivityPorts;
  readonly #loopDelay = monitorEventLoopDelay({ resolution: 20 });
  readonly #samples: Sample[] = [];
  readonly #refusals: Refusal[] = [];
  readonly #counts = new Map<ErrorCode, number>();
  /** The longest quiet first. */
  readonly #rates = new Map<string, ThreadRate>();
  #messages = 0;
  #changes = 0;
  #errors = 0;
  #isStopped = false;

  constructor(ports: NodeActivityPorts) {
    this.#ports = ports;
  }

  /** Samples from now on. */
  start(): void {
    this.#loopDelay.enable();
    this.#sample();
  }

  /** A change was announced. */
  committed({ event, threadId }: Change): void {
    this.#changes += 1;
    if (event === 'thread_message') this.#messages += 1;
    const minute = this.#minute;
    const known = this.#rates.get(threadId);
    const rate = known ? rolled(known, minute) : { minute, count: 0, before: 0 };
    rate.count += 1;
    this.#rates.delete(threadId);
    this.#rates.set(threadId, rate);
    if (this.#rates.size > maxThreads) {
      const [oldest] = this.#rates.keys();
      this.#rates.delete(oldest!);
    }
  }

  /** A request was refused. */
  refused(refusal: Omit<Refusal, 'at'>): void {
    this.#errors += 1;
    this.#counts.set(refusal.code, (this.#counts.get(refusal.code) ?? 0) + 1);
    this.#refusals.push({ at: this.#ports.now(), ...refusal });
    if (this.#refusals.length > maxRefusals) this.#refusals.shift();
  }

  /** Changes of a thread in about the last minute. */
  perMinute(threadId: string): number {
    const known = this.#rates.get(threadId);
    if (!known) return 0;
    const { count, before } = rolled(known, this.#minute);
    // Of the minute before, as much as belongs to the last sixty seconds.
    return Math.round(count + before * (1 - (this.#ports.now() % rateMs) / rateMs));
  }

  /** The threads in which something has happened, the last one first. */
  get threads(): string[] {
    return [...this.#rates.keys()].reverse();
  }

  /** Newest first. */
  get refusals(): { readonly counts: Partial<Record<ErrorCode, number>>; readonly recent: readonly Refusal[] } {
    return { counts: Object.fromEntries(this.#counts), recent: this.#refusals.toReversed() };
  }

  /** Oldest first. */
  samplesAfter(at: number): Sample[] {
    return this.#samples.filter((sample) => sample.at > at);
  }

  stop(): void {
    this.#isStopped = true;
    this.#loopDelay.disable();
  }

  get #minute(): number {
    return Math.floor(this.#ports.now() / rateMs);
  }

  #sample(): void {
    if (this.#isStopped) return;
    const { now, count, schedule } = this.#ports;
    const delayNs = this.#loopDelay.percentile(99);
    this.#loopDelay.reset();
    this.#samples.push({
      at: now(),
      ...count(),
      messages: this.#messages,
      changes: this.#changes,
      errors: this.#errors,
      loopDelayMs: Number.isFinite(delayNs) ? Math.round(delayNs / 1e4) / 100 : 0,
      rssBytes: process.memoryUsage.rss(),
    });
    if (this.#samples.length > maxSamples) this.#samples.shift();
    schedule(() => this.#sample(), sampleEveryMs);
  }
}

function rolled(rate: ThreadRate, minute: number): ThreadRate {
  if (rate.minute === minute) return rate;
  return { minute, count: 0, before: rate.minute === minute - 1 ? rate.count : 0 };
}
