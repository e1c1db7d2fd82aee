import type { ErrorCode } from '@threadwire/protocol';
import { watchLoop } from '../../metrics/watch-loop.ts';
import type { Totals } from '../../metrics.ts';
import type { Change } from '../../threads/durable-event.ts';
import type { Refusal, Sample } from './console-protocol.ts';

export interface NodeActivityPorts {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** What has happened since the start, and what there is. */
  readonly totals: () => Totals;
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
  /** Since the last sample. */
  #delaysMs: number[] = [];
  #unwatchLoop: (() => void) | undefined;
  readonly #samples: Sample[] = [];
  readonly #refusals: Refusal[] = [];
  #refused = 0;
  /** The longest quiet first. */
  readonly #rates = new Map<string, ThreadRate>();
  #isStopped = false;

  constructor(ports: NodeActivityPorts) {
    this.#ports = ports;
  }

  /** Samples from now on. */
  start(): void {
    this.#unwatchLoop = watchLoop((delayMs) => this.#delaysMs.push(delayMs));
    this.#sample();
  }

  /** A change was announced. */
  committed({ threadId }: Pick<Change, 'threadId'>): void {
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
  refused(refusal: Omit<Refusal, 'at' | 'number'>): void {
    this.#refused += 1;
    this.#refusals.push({ number: this.#refused, at: this.#ports.now(), ...refusal });
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

  /** Newest first. Connections that were closed as slow are told so by no error that is counted: they are, each as one. */
  get refusals(): { readonly counts: Readonly<Record<ErrorCode, number>>; readonly recent: readonly Refusal[] } {
    const { errors, slowConsumers } = this.#ports.totals();
    return { counts: { ...errors, slow_consumer: slowConsumers }, recent: this.#refusals.toReversed() };
  }

  /** Now: a sample may be seconds old. */
  get isStoreUp(): boolean {
    return this.#ports.totals().isStoreUp;
  }

  /** Oldest first. */
  samplesAfter(at: number): Sample[] {
    return this.#samples.filter((sample) => sample.at > at);
  }

  stop(): void {
    this.#isStopped = true;
    this.#unwatchLoop?.();
  }

  get #minute(): number {
    return Math.floor(this.#ports.now() / rateMs);
  }

  #sample(): void {
    if (this.#isStopped) return;
    const { now, totals, schedule } = this.#ports;
    const { durableEvents, streams, errors, ...rest } = totals();
    const { rss, heapUsed } = process.memoryUsage();
    this.#samples.push({
      at: now(),
      connections: rest.connections,
      subscriptions: rest.subscriptions,
      streams: sum(streams),
      messages: durableEvents.thread_message,
      changes: sum(durableEvents),
      deliveries: rest.deliveries,
      errors: sum(errors),
      slow_consumers: rest.slowConsumers,
      received_bytes: rest.receivedBytes,
      sent_bytes: rest.sentBytes,
      buffered_bytes: rest.bufferedBytes,
      loop_delay_ms: Math.round(percentile99(this.#delaysMs) * 100) / 100,
      rss_bytes: rss,
      heap_bytes: heapUsed,
      is_store_up: rest.isStoreUp,
      is_broker_up: null,
    });
    this.#delaysMs = [];
    if (this.#samples.length > maxSamples) this.#samples.shift();
    schedule(() => this.#sample(), sampleEveryMs);
  }
}

function rolled(rate: ThreadRate, minute: number): ThreadRate {
  if (rate.minute === minute) return rate;
  return { minute, count: 0, before: rate.minute === minute - 1 ? rate.count : 0 };
}

function percentile99(values: number[]): number {
  values.sort((a, b) => a - b);
  return values[Math.ceil(values.length * 0.99) - 1] ?? 0;
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
