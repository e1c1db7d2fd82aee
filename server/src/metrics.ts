import { Counter, Gauge, Registry, collectDefaultMetrics } from 'prom-client';
import { errorCodes } from '@threadwire/protocol';
import type { DurableEvent, ErrorCode } from '@threadwire/protocol';
import { FixedHistogram } from './metrics/fixed-histogram.ts';
import { countStreams, noSources } from './metrics/sources.ts';
import type { MetricsSources, StreamState } from './metrics/sources.ts';
import { Tally } from './metrics/tally.ts';
import { watchLoop } from './metrics/watch-loop.ts';
import type { WriteOp, WriteResult } from './store/thread-store.ts';
import type { Change } from './threads/durable-event.ts';

/**
 * What came of a subscription: it was sent what it had missed since its `after_seq`, a fresh page instead, had asked for
 * neither, or was refused.
 */
export type Recovery = 'recovered' | 'not_recovered' | 'not_asked' | 'refused';
/** What came of a stream that its producer began once more: it goes on, or it had ended. */
type StreamRecovery = 'resumed' | 'ended';

/** What has happened since the start, and what there is now. */
export interface Totals {
  readonly connections: number;
  readonly subscriptions: number;
  readonly durableEvents: Readonly<Record<DurableEvent, number>>;
  readonly deliveries: number;
  readonly duplicates: number;
  readonly slowConsumers: number;
  readonly errors: Readonly<Record<ErrorCode, number>>;
  readonly recoveries: Readonly<Record<Recovery, number>>;
  readonly streams: Readonly<Record<StreamState, number>>;
  readonly streamsStarted: number;
  readonly streamsEnded: Readonly<Record<StreamEnd, number>>;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly bufferedBytes: number;
  readonly isStoreUp: boolean;
}

type StreamEnd = Extract<Change, { event: 'stream_end' }>['payload']['status'];

const durableEvents: Readonly<Record<DurableEvent, true>> = {
  thread_message: true,
  message_updated: true,
  stream_start: true,
  stream_end: true,
};
const streamEnds: Readonly<Record<StreamEnd, true>> = {
  complete: true,
  failed: true,
  cancelled: true,
  interrupted: true,
};
const recoveries: readonly Recovery[] = ['recovered', 'not_recovered', 'not_asked', 'refused'];
const streamRecoveries: readonly StreamRecovery[] = ['resumed', 'ended'];
const secondsBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/**
 * What the server counts, served as Prometheus text. What happens often adds to plain numbers here, which prom-client
 * hears of when somebody looks.
 */
export class Metrics {
  readonly registry = new Registry();
  #sources = noSources;
  readonly #unwatchLoop: () => void;
  #duplicates = 0;
  #slowConsumers = 0;
  /** Of requests the most. */
  readonly #succeeded = new Map<string, number>();

  readonly #requests = new Counter({
    name: 'threadwire_requests_total',
    help: 'Client events, CONNECTs, refused handshakes and HTTP requests of the API, by event and outcome (ok or error code).',
    labelNames: ['event', 'outcome'] as const,
    registers: [this.registry],
    collect: () => this.#addSucceeded(),
  });
  readonly #refusals = this.#tally({
    name: 'threadwire_refusals_total',
    help: 'Errors that clients were given, by code: as answers, for one thread of several, or by themselves.',
    label: 'code',
    keys: errorCodes,
  });
  readonly #durableEvents = this.#tally({
    name: 'threadwire_durable_events_total',
    help: 'Changes committed on this node, by event.',
    label: 'event',
    keys: Object.keys(durableEvents) as DurableEvent[],
  });
  readonly #streamsEnded = this.#tally({
    name: 'threadwire_streams_ended_total',
    help: 'Streams that were ended on this node, by what became of them.',
    label: 'status',
    keys: Object.keys(streamEnds) as StreamEnd[],
  });
  readonly #recoveries = this.#tally({
    name: 'threadwire_recoveries_total',
    help: 'Subscriptions, by whether what was missed since after_seq was sent, a fresh page instead, none asked for it, or refused.',
    label: 'outcome',
    keys: recoveries,
  });
  readonly #streamRecoveries = this.#tally({
    name: 'threadwire_stream_recoveries_total',
    help: 'Streams that were begun once more with their message_id, by whether they went on or had ended.',
    label: 'outcome',
    keys: streamRecoveries,
  });
  readonly #batchOps = new FixedHistogram({
    name: 'threadwire_write_batch_ops',
    help: 'Writes that the store was given together: changes, and pieces of streamed text.',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256],
    registry: this.registry,
  });
  readonly #commit = new FixedHistogram({
    name: 'threadwire_commit_seconds',
    help: 'From giving the store a batch to its being durable.',
    buckets: secondsBuckets,
    registry: this.registry,
  });
  readonly #failedCommits = new Counter({
    name: 'threadwire_commit_failures_total',
    help: 'Batches that failed, or of which it is unknown whether they did.',
    registers: [this.registry],
  });
  readonly #sendToAck = new FixedHistogram({
    name: 'threadwire_send_to_ack_seconds',
    help: 'From the arrival of a send_message, as an event or over HTTP, to its ok answer.',
    buckets: secondsBuckets,
    registry: this.registry,
  });
  readonly #loopDelay = new FixedHistogram({
    name: 'threadwire_loop_delay_seconds',
    help: 'By how much the event loop was late, looked at fifty times a second.',
    buckets: secondsBuckets,
    registry: this.registry,
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
    this.#gauge('threadwire_connections', 'Open client connections.', ({ connections }) => connections());
    this.#gauge('threadwire_subscriptions', 'Threads that connections are in, or about to be in, over all.', (from) =>
      from.subscriptions(),
    );
    this.#gauge('threadwire_buffered_bytes', 'Bytes for clients that their lines have not taken yet.', (from) =>
      from.bufferedBytes(),
    );
    this.#gauge('threadwire_store_up', '1 while the store answers, 0 while it is away.', (from) =>
      from.isStoreUp() ? 1 : 0,
    );
    this.#counter(
      'threadwire_deliveries_total',
      'Events of threads given to those who are in them, each counted once for each connection.',
      () => this.#sources.deliveries(),
    );
    this.#counter(
      'threadwire_received_bytes_total',
      'Bytes of messages that came over WebSockets.',
      () => this.#sources.traffic.receivedBytes,
    );
    this.#counter(
      'threadwire_sent_bytes_total',
      'Bytes of messages given to sockets.',
      () => this.#sources.traffic.sentBytes,
    );
    this.#counter(
      'threadwire_duplicates_total',
      'Messages sent again with a message_id that was stored, answered with what was stored.',
      () => this.#duplicates,
    );
    this.#counter(
      'threadwire_slow_consumers_total',
      'Connections closed because they were owed more events than are kept for one.',
      () => this.#slowConsumers,
    );
    this.#addStreams();
    this.#unwatchLoop = watchLoop((delayMs) => this.#loopDelay.observe(delayMs / 1000));
  }

  /** Where it is read from now on what there is. */
  readFrom(sources: MetricsSources): void {
    this.#sources = sources;
  }

  /** What came in was answered. */
  answered(event: string, outcome: 'ok' | ErrorCode): void {
    if (outcome === 'ok') {
      this.#succeeded.set(event, (this.#succeeded.get(event) ?? 0) + 1);
      return;
    }
    this.#requests.inc({ event, outcome });
    this.#refusals.add(outcome);
  }

  /** A client was told of an error that is no answer, or is one part of an answer. */
  refused(code: ErrorCode): void {
    this.#refusals.add(code);
  }

  /** A message was sent, stored and acknowledged in so many ms. */
  acknowledged(durationMs: number): void {
    this.#sendToAck.observe(durationMs / 1000);
  }

  /** A change was committed. */
  committed(change: Change): void {
    this.#durableEvents.add(change.event);
    if (change.event === 'stream_end') this.#streamsEnded.add(change.payload.status);
  }

  /** What an op came to. */
  settled(op: WriteOp, result: WriteResult): void {
    if (!result.ok || !('changed' in result) || result.changed) return;
    if (op.kind === 'append') this.#duplicates += 1;
    // Whoever wants only a new one does not come back for the old one.
    else if (op.kind === 'stream_start' && !op.ifNew) {
      this.#streamRecoveries.add(result.message.status === 'streaming' ? 'resumed' : 'ended');
    }
  }

  /** A batch goes to the store. `written`: its outcome. */
  batch(ops: number, written: Promise<unknown>): void {
    const begunAt = performance.now();
    this.#batchOps.observe(ops);
    written.then(
      () => this.#commit.observe((performance.now() - begunAt) / 1000),
      () => this.#failedCommits.inc(),
    );
  }

  /** A thread was subscribed to, or was not. */
  subscribed(recovery: Recovery): void {
    this.#recoveries.add(recovery);
  }

  /** A connection was closed because it did not keep up. */
  slowConsumer(): void {
    this.#slowConsumers += 1;
  }

  /** Everything that an overview shows; takes a fraction of a millisecond with thousands of connections. */
  totals(): Totals {
    const sources = this.#sources;
    const events = this.#durableEvents.toObject();
    return {
      connections: sources.connections(),
      subscriptions: sources.subscriptions(),
      durableEvents: events,
      deliveries: sources.deliveries(),
      duplicates: this.#duplicates,
      slowConsumers: this.#slowConsumers,
      errors: this.#refusals.toObject(),
      recoveries: this.#recoveries.toObject(),
      streams: countStreams(sources),
      streamsStarted: events.stream_start,
      streamsEnded: this.#streamsEnded.toObject(),
      receivedBytes: sources.traffic.receivedBytes,
      sentBytes: sources.traffic.sentBytes,
      bufferedBytes: sources.bufferedBytes(),
      isStoreUp: sources.isStoreUp(),
    };
  }

  /** The server has closed. */
  close(): void {
    this.#unwatchLoop();
    // Whoever still holds this object holds no more than it.
    this.registry.clear();
  }

  #addSucceeded(): void {
    for (const [event, count] of this.#succeeded) this.#requests.inc({ event, outcome: 'ok' }, count);
    this.#succeeded.clear();
  }

  #tally<K extends string>(options: Omit<ConstructorParameters<typeof Tally<K>>[0], 'registry'>): Tally<K> {
    return new Tally({ ...options, registry: this.registry });
  }

  #gauge(name: string, help: string, read: (sources: MetricsSources) => number): void {
    const sources = (): MetricsSources => this.#sources;
    // oxlint-disable-next-line no-new
    new Gauge({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.set(read(sources()));
      },
    });
  }

  #counter(name: string, help: string, read: () => number): void {
    // oxlint-disable-next-line no-new
    new Counter({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }

  #addStreams(): void {
    const streams = new Gauge({
      name: 'threadwire_streams',
      help: 'Streams written to on this node that have not ended: written to, waiting for their producers, or ending.',
      labelNames: ['state'] as const,
      registers: [this.registry],
      collect: () => {
        for (const [state, count] of Object.entries(countStreams(this.#sources))) streams.set({ state }, count);
      },
    });
  }
}
