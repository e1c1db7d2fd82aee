import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { inParallel } from '../harness/in-parallel.ts';
import { loadMeter, shareMetrics } from '../harness/load-meter.ts';
import { bareSocketIo, rawWs, threadwire } from '../harness/opponents.ts';
import type { Opponent } from '../harness/opponents.ts';
import { middle, panelOf, runCase } from '../harness/rounds.ts';
import { Saturation } from '../harness/saturation.ts';
import type { Context, MetricInfo, Metrics, Scenario } from '../harness/scenario.ts';
import { percentile } from '../harness/statistics.ts';
import { threadIds } from '../servers/thread-id.ts';
import type { Client, ClientEvents } from '../wire/wire.ts';
import { numberAt } from '../wire/digits.ts';

const clients = 200;
const perSecond = 20;
const inCase = '20 messages/s x 200';
const warmUpMs = 500;
/** Stands in the content before a message's number, and nowhere else in it. */
const [mark] = Buffer.from('#');
const filler = '.'.repeat(190);

const metrics = [
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
    while (this.latenciesMs.length < count * clients && performance.now() < giveUpAt) await delay(20);
    if (this.#failure) throw this.#failure;
    if (this.#unanswered.size > 0) throw new Error(`${this.#unanswered.size} messages were not answered`);
    if (this.latenciesMs.length !== count * clients) {
      throw new Error(`${this.latenciesMs.length} of ${count * clients} deliveries came`);
    }
  }
}

async function measure(context: Context, opponent: Opponent, durationMs: number): Promise<Metrics> {
  const [thread] = threadIds(1) as [string];
  await using server = await opponent.start(context.cores, { threads: 1, isTimingCommits: true });
  const warmUp = new Saturation({ threadIds: [thread], readers: clients, window: 4 });
  const paced = new PacedSender();
  const connect = (events: ClientEvents): Promise<Client> =>
    opponent.wire.connect(server.port, [{ threadId: thread }], paced.listen(events));
  const readers = await inParallel(clients, 50, () => warmUp.connect(connect));
  try {
    const sender = readers[0]!;
    await warmUp.run([sender], warmUpMs);
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

export const paced: Scenario = {
  name: 'paced',
  about: 'One thread, 200 clients in it, one of them sends 20 messages a second: the time from send to receipt.',
  connections: clients,
  async run(context) {
    const durationMs = context.isQuick ? 3000 : 4000;
    const rounds = await runCase(context, metrics, inCase, [threadwire, bareSocketIo, rawWs], (opponent) =>
      measure(context, opponent, durationMs),
    );
    const of = (opponent: string, key: (typeof metrics)[number]['key']) =>
      middle(rounds, { case: inCase, opponent }, key);
    const ours = threadwire.title;
    const theirs = bareSocketIo.title;
    const [p50, p99] = metrics;
    return {
      metrics,
      rounds,
      targets: [
        {
          what: "p50: bare Socket.IO's + the commit + 1 ms",
          value: of(ours, 'latencyP50Ms'),
          comparison: 'at most',
          limit: of(theirs, 'latencyP50Ms') + of(ours, 'commitP50Ms') + 1,
          unit: 'ms',
          digits: 2,
        },
        {
          what: "p99: bare Socket.IO's + the commit + 3 ms",
          value: of(ours, 'latencyP99Ms'),
          comparison: 'at most',
          limit: of(theirs, 'latencyP99Ms') + of(ours, 'commitP99Ms') + 3,
          unit: 'ms',
          digits: 2,
        },
      ],
      panels: [
        panelOf(rounds, inCase, p50, 'From send to receipt, 20 messages/s to 200 clients: half of them within'),
        panelOf(rounds, inCase, p99, '99 of 100 within'),
      ],
    };
  },
};
