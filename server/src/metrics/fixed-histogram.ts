import type { Metric, Registry } from 'prom-client';

export interface FixedHistogramOptions {
  readonly name: string;
  readonly help: string;
  /** Upper bounds of the buckets, ascending. */
  readonly buckets: readonly number[];
  readonly registry: Registry;
}

interface Sample {
  readonly metricName: string;
  readonly labels: { readonly le?: number | string };
  readonly value: number;
}

/** A histogram without labels that is observed for each request: it adds to plain numbers, and makes samples when it is read. */
export class FixedHistogram {
  readonly name: string;
  readonly help: string;
  readonly type = 'histogram';
  readonly aggregator = 'sum';
  readonly #buckets: readonly number[];
  readonly #counts: number[];
  #sum = 0;

  constructor({ name, help, buckets, registry }: FixedHistogramOptions) {
    this.name = name;
    this.help = help;
    this.#buckets = buckets;
    this.#counts = Array.from({ length: buckets.length + 1 }, () => 0);
    // All that a registry asks of a metric is below.
    registry.registerMetric(this as unknown as Metric);
  }

  observe(value: number): void {
    const buckets = this.#buckets;
    let i = 0;
    while (i < buckets.length && value > buckets[i]!) i++;
    this.#counts[i]! += 1;
    this.#sum += value;
  }

  /** As prom-client has it: each bucket counts those below it too. */
  async get() {
    const { name, help, type, aggregator } = this;
    const values: Sample[] = [];
    let count = 0;
    for (const [i, inBucket] of this.#counts.entries()) {
      count += inBucket;
      values.push({ metricName: `${name}_bucket`, labels: { le: this.#buckets[i] ?? '+Inf' }, value: count });
    }
    values.push({ metricName: `${name}_sum`, labels: {}, value: this.#sum });
    values.push({ metricName: `${name}_count`, labels: {}, value: count });
    return { name, help, type, aggregator, values };
  }

  reset(): void {
    this.#counts.fill(0);
    this.#sum = 0;
  }
}
