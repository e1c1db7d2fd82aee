import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { threadIds } from '../servers/thread-id.ts';
import { numberAt } from '../wire/digits.ts';
import type { Client, ClientEvents } from '../wire/wire.ts';
import { inParallel } from './in-parallel.ts';
import { loadMeter, shareMetrics } from './load-meter.ts';
import type { Opponent, StartOptions } from './opponents.ts';
import { Saturation } from './saturation.ts';
import type { Context, MetricInfo, Metrics } from './scenario.ts';
import type { Server } from './server-process.ts';
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

/** Clients in one thread, one of which sends at a calm pace; the time of each delivery is taken. */
export class PacedRoom implements AsyncDisposable {
  readonly server: Server;
  readonly #threadId: string;
  readonly #readers: readonly Client[];
  readonly #times: DeliveryTimes;

  private constructor(server: Server, threadId: string, readers: readonly Client[], times: DeliveryTimes) {
    this.server = server;
    this.#threadId = threadId;
    this.#readers = readers;
    this.#times = times;
  }

  /** A server with its clients, warm. */
  static async open(context: Context, opponent: Opponent, options: StartOptions = {}): Promise<PacedRoom> {
    const [threadId] = threadIds(1) as [string];
    const server = await opponent.start(context.cores, { ...options, threads: 1 });
    try {
      const warmUp = new Saturation({ threadIds: [threadId], readers: pacedClients, window: 4 });
      const times = new DeliveryTimes();
      const connect = (events: ClientEvents): Promise<Client> =>
        opponent.wire.connect(server.port, [{ threadId }], times.listen(events));
      const readers = await inParallel(pacedClients, 50, () => warmUp.connect(connect));
      await warmUp.run([readers[0]!], warmUpMs);
      return new PacedRoom(server, threadId, readers, times);
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Sends for so long, and returns how long each delivery took (ms). */
  async send(durationMs: number): Promise<number[]> {
    const times = this.#times;
    const sender = this.#readers[0]!;
    const count = (durationMs / 1000) * perSecond;
    const beganAt = performance.now();
    for (let i = 0; i < count; i++) {
      await delay(Math.max(0, beganAt + (i * 1000) / perSecond - performance.now()));
      times.sent((number) => sender.send(this.#threadId, `#${number}${filler}`, randomUUID()));
    }
    const giveUpAt = performance.now() + 5000;
    while (times.count < count * pacedClients && performance.now() < giveUpAt) await delay(20);
    return times.take(count * pacedClients);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const reader of this.#readers) reader.close();
    await this.server[Symbol.asyncDispose]();
  }
}

/** Knows when each message was sent, and so how long each delivery of it took. */
class DeliveryTimes {
  #latenciesMs: number[] = [];
  readonly #sentAt: number[] = [];
  readonly #unanswered = new Set<number>();
  #failure: Error | undefined;

  get count(): number {
    return this.#latenciesMs.length;
  }

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

  /** Has a message sent, with its number in it; `send` returns by which number it will be answered. */
  sent(send: (number: number) => number): void {
    const number = this.#sentAt.push(performance.now()) - 1;
    this.#unanswered.add(send(number));
  }

  /** What has come since the last time, which must be all of it. */
  take(expected: number): number[] {
    if (this.#failure) throw this.#failure;
    if (this.#unanswered.size > 0) throw new Error(`${this.#unanswered.size} messages were not answered`);
    const latenciesMs = this.#latenciesMs;
    if (latenciesMs.length !== expected) throw new Error(`${latenciesMs.length} of ${expected} deliveries came`);
    this.#latenciesMs = [];
    return latenciesMs;
  }

  #received(bytes: Buffer, start: number, end: number): void {
    const arrivedAt = performance.now();
    const markAt = bytes.indexOf(mark!, start);
    const sentAt = markAt < end ? this.#sentAt[numberAt(bytes, markAt + 1, end)] : undefined;
    // A message of the warm-up has no mark.
    if (sentAt !== undefined) this.#latenciesMs.push(arrivedAt - sentAt);
  }
}

/** The time from send to receipt, at a calm pace. */
export async function measurePaced(context: Context, opponent: Opponent, durationMs: number): Promise<Metrics> {
  await using room = await PacedRoom.open(context, opponent, { isTimingCommits: true });
  const meter = await loadMeter(room.server, context.cores);
  const latenciesMs = await room.send(durationMs);
  const { serverCpuUs, shares, sample } = await meter.stop();
  const { commitsMs } = sample;
  return {
    latencyP50Ms: percentile(latenciesMs, 50),
    latencyP99Ms: percentile(latenciesMs, 99),
    ...(commitsMs && { commitP50Ms: percentile(commitsMs, 50), commitP99Ms: percentile(commitsMs, 99) }),
    cpuPerDeliveryUs: serverCpuUs / latenciesMs.length,
    ...shares,
  };
}
