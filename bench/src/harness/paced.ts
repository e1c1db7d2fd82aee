import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { threadIds } from '../servers/thread-id.ts';
import { numberAt } from '../wire/digits.ts';
import type { Client, ClientEvents } from '../wire/wire.ts';
import { inParallel } from './in-parallel.ts';
import { loadMeter, shareMetrics } from './load-meter.ts';
import type { Opponent } from './opponents.ts';
import { Saturation } from './saturation.ts';
import type { Context, MetricInfo, Metrics } from './scenario.ts';
import { percentile } from './statistics.ts';

export const pacedClients = 200;
const perSecond = 20;
export const pacedCase = '20 messages/s x 200';
const warmUpMs = 500;
/** Stands in the content before a message's number, and nowhere else in it. */
const [mark] = Buffer.from('#');
const filler = '.'.repeat(190);

export const pacedMetrics = [
  { key: 'latencyP50Ms', title: 'p50', unit: 'ms', digits: 2 },
  { key: 'latencyP99Ms', title: 'p99', unit: 'ms', digits: 2 },
  { key: 'commitP50Ms', title: 'commit p50', unit: 'ms', digits: 2 },
  { key: 'commitP99Ms', title: 'commit p99', unit: 'ms', digits: 2 },
  { key: 'cpuPerDeliveryUs', title: 'CPU per delivery', unit: 'µs', digits: 2 },
  ...shareMetrics,
] as const satisfies readonly MetricInfo[];

/** Sends at a calm pace, and takes the time of each delivery. */
class PacedSender {
  readonly latenciesMs: number[] = [];
  readonly #sentAt: number[] = [];
  readonly #unanswered = new Set<number>();
  #failure: Error | undefined;

  /** The events, heard by this one too. */
  listen(events: ClientEvents): ClientEvents {
    return {
      onMessage: (bytes, start, end) => {
        events.onMessage?.(bytes, start, end);
        this.#received(bytes, start, end);
      },
      // What is sent at this pace is not in the books of whoever saturates.
      onAnswer: (send) => this.#unanswered.delete(send) || events.onAnswer?.(send),
      onChunk: events.onChunk,
      onLost: (reason) => {
        this.#failure ??= new Error(reason);
        events.onLost(reason);
      },
    };
  }

  #received(bytes: Buffer, start: number, end: number): void {
    const arrivedAt = performance.now();
    const markAt = bytes.indexOf(mark!, start);
    const sentAt = markAt < end ? this.#sentAt[numberAt(bytes, markAt + 1, end)] : undefined;
    // A message of the warm-up has no mark.
    if (sentAt !== undefined) this.latenciesMs.push(arrivedAt - sentAt);
  }

  async run(sender: Client, threadId: string, durationMs: number): Promise<void> {
    const count = (durationMs / 1000) * perSecond;
    const beganAt = performance.now();
    for (let i = 0; i < count; i++) {
      await delay(Math.max(0, beganAt + (i * 1000) / perSecond - performance.now()));
      this.#sentAt.push(performance.now());
      this.#unanswered.add(sender.send(threadId, `#${i}${filler}`, randomUUID()));
    }
    const giveUpAt = performance.now() + 5000;
    while (this.latenciesMs.length < count * pacedClients && performance.now() < giveUpAt) await delay(20);
    if (this.#failure) throw this.#failure;
    if (this.#unanswered.size > 0) throw new Error(`${this.#unanswered.size} messages were not answered`);
    if (this.latenciesMs.length !== count * pacedClients) {
      throw new Error(`${this.latenciesMs.length} of ${count * pacedClients} deliveries came`);
    }
  }
}

/** The time from send to receipt, at a calm pace. */
export async function measurePaced(context: Context, opponent: Opponent, durationMs: number): Promise<Metrics> {
  const [thread] = threadIds(1) as [string];
  await using server = await opponent.start(context.cores, { threads: 1, isTimingCommits: true });
  const warmUp = new Saturation({ threadIds: [thread], readers: pacedClients, window: 4 });
  const paced = new PacedSender();
  const connect = (events: ClientEvents): Promise<Client> =>
    opponent.wire.connect(server.port, [{ threadId: thread }], paced.listen(events));
  const readers = await inParallel(pacedClients, 50, () => warmUp.connect(connect));
  try {
    const sender = readers[0]!;
    await warmUp.run([sender], warmUpMs);
    await using company = await opponent.company?.(server.port);
    if (company) context.log(`${opponent.title}: with company`);
    const meter = await loadMeter(server, context.cores);
    await paced.run(sender, thread, durationMs);
    const { serverCpuUs, shares, sample } = await meter.stop();
    const { commitsMs } = sample;
    return {
      latencyP50Ms: percentile(paced.latenciesMs, 50),
      latencyP99Ms: percentile(paced.latenciesMs, 99),
      ...(commitsMs && { commitP50Ms: percentile(commitsMs, 50), commitP99Ms: percentile(commitsMs, 99) }),
      cpuPerDeliveryUs: serverCpuUs / paced.latenciesMs.length,
      ...shares,
    };
  } finally {
    for (const reader of readers) reader.close();
  }
}
