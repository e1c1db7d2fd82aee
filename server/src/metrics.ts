import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { ErrorCode } from '@threadwire/protocol';

/** What the server counts, served as Prometheus text. */
export class Metrics {
  readonly registry = new Registry();
  readonly connections = new Gauge({
    name: 'threadwire_connections',
    help: 'Open client connections.',
    registers: [this.registry],
  });
  readonly requests = new Counter({
    name: 'threadwire_requests_total',
    help: 'Client events and HTTP requests answered, by event and outcome (ok or error code).',
    labelNames: ['event', 'outcome'] as const,
    registers: [this.registry],
    collect: () => this.#addSucceeded(),
  });
  readonly durableEvents = new Counter({
    name: 'threadwire_durable_events_total',
    help: 'Changes committed on this node, by event.',
    labelNames: ['event'] as const,
    registers: [this.registry],
  });
  readonly batchOps = new Histogram({
    name: 'threadwire_write_batch_ops',
    help: 'Changes committed together.',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256],
    registers: [this.registry],
  });
  readonly storeUp = new Gauge({
    name: 'threadwire_store_up',
    help: '1 while the store takes writes.',
    registers: [this.registry],
  });

  readonly slowConsumers = new Counter({
    name: 'threadwire_slow_consumers_total',
    help: 'Connections closed because they were owed more events than are kept for one.',
    registers: [this.registry],
  });

  /** Of those the most, added to the counter when somebody looks: it takes half a microsecond to find its labels. */
  readonly #succeeded = new Map<string, number>();

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  answered(event: string, outcome: 'ok' | ErrorCode): void {
    if (outcome === 'ok') this.#succeeded.set(event, (this.#succeeded.get(event) ?? 0) + 1);
    else this.requests.inc({ event, outcome });
  }

  #addSucceeded(): void {
    for (const [event, count] of this.#succeeded) this.requests.inc({ event, outcome: 'ok' }, count);
    this.#succeeded.clear();
  }
}
