import { setTimeout as delay } from 'node:timers/promises';
import { inParallel } from '../harness/in-parallel.ts';
import { loadMeter, shareMetrics } from '../harness/load-meter.ts';
import { bareSocketIo, threadwire } from '../harness/opponents.ts';
import type { Opponent } from '../harness/opponents.ts';
import { middle, panelOf, runCase } from '../harness/rounds.ts';
import type { Context, MetricInfo, Metrics, Scenario } from '../harness/scenario.ts';
import { threadIds } from '../servers/thread-id.ts';
import { numberAt } from '../wire/digits.ts';
import { SocketIoClient, resume } from '../wire/socket-io.ts';

const streamCount = 100;
const readerCount = 200;
const followedByEach = 10;
const piecesPerSecond = 50;
const producerCount = 10;
const inCase = `${streamCount} streams x ${piecesPerSecond}/s`;
// Until then much of what is measured is the compiler, at both.
const warmUpMs = 3000;

/** A piece of text is as long as a token, and says which it is: three digits of its stream, five of its own. */
const pieceLength = 8;
const deltaMark = Buffer.from('"delta":"');

const metrics = [
  { key: 'cpuPerPieceUs', title: 'CPU per piece and reader', unit: 'µs', digits: 2 },
  { key: 'delayP50Ms', title: 'delay p50', unit: 'ms', digits: 1 },
  { key: 'delayP99Ms', title: 'delay p99', unit: 'ms', digits: 1 },
  ...shareMetrics,
] as const satisfies readonly MetricInfo[];

/** Counts in how many tenths of a millisecond each piece reached each reader. */
class Delays {
  readonly #counts = new Uint32Array(100_000);
  count = 0;

  add(ms: number): void {
    this.#counts[Math.min(this.#counts.length - 1, Math.round(ms * 10))]! += 1;
    this.count += 1;
  }

  clear(): void {
    this.#counts.fill(0);
    this.count = 0;
  }

  percentile(percent: number): number {
    let left = (this.count * percent) / 100;
    return this.#counts.findIndex((count) => (left -= count) <= 0) / 10;
  }
}

/** The load: producers that write so many pieces a second, and what their readers get of them. */
class Load {
  readonly delays = new Delays();
  readonly #sentAt = Array.from({ length: streamCount }, () => new Float64Array(100_000));
  readonly #streams: { readonly producer: SocketIoClient; readonly id: string; pieces: number }[] = [];
  failure: string | undefined;

  lost = (reason: string): void => {
    this.failure ??= reason;
  };

  async start(producer: SocketIoClient, threadId: string): Promise<void> {
    const answer = JSON.parse(await producer.request('stream_start', { thread_id: threadId })) as [
      { data: { message: { id: string } } },
    ];
    this.#streams.push({ producer, id: answer[0].data.message.id, pieces: 0 });
  }

  /** Text came; each of its pieces says which one it is. */
  received = (bytes: Buffer, start: number, end: number): void => {
    const now = performance.now();
    const from = bytes.indexOf(deltaMark, start) + deltaMark.length;
    // Behind it are the quote and two brackets.
    for (let at = from; at + pieceLength <= end - 3; at += pieceLength) {
      this.delays.add(now - this.#sentAt[numberAt(bytes, at, at + 3)]![numberAt(bytes, at + 3, at + pieceLength)]!);
    }
  };

  /** Writes a piece of each stream, all streams spread over the time between two of the same. */
  async write(durationMs: number): Promise<number> {
    const rounds = Math.round((durationMs / 1000) * piecesPerSecond);
    const slots = 10;
    const beganAt = performance.now();
    for (let i = 0; i < rounds * slots; i++) {
      const dueAt = beganAt + (i * 1000) / piecesPerSecond / slots;
      if (dueAt > performance.now()) await delay(dueAt - performance.now());
      for (let s = i % slots; s < this.#streams.length; s += slots) this.#writeTo(s);
    }
    return rounds * this.#streams.length;
  }

  async settled(pieces: number): Promise<void> {
    const expected = (pieces * readerCount * followedByEach) / streamCount;
    const giveUpAt = performance.now() + 10_000;
    while (this.delays.count < expected && performance.now() < giveUpAt && !this.failure) await delay(20);
    if (this.failure) throw new Error(this.failure);
    if (this.delays.count !== expected) throw new Error(`${this.delays.count} of ${expected} pieces came`);
  }

  #writeTo(s: number): void {
    const stream = this.#streams[s]!;
    const { producer, id, pieces } = stream;
    stream.pieces += 1;
    this.#sentAt[s]![pieces] = performance.now();
    const delta = `${String(s).padStart(3, '0')}${String(pieces).padStart(5, '0')}`;
    producer.tell('stream_chunk', `{"stream_id":"${id}","offset":${pieces * pieceLength},"delta":"${delta}"}`);
  }
}

async function measure(context: Context, opponent: Opponent, durationMs: number): Promise<Metrics> {
  const threads = threadIds(streamCount);
  await using server = await opponent.start(context.cores, { threads: streamCount });
  const load = new Load();
  const clients: SocketIoClient[] = [];
  const connect = async (user: string): Promise<SocketIoClient> => {
    const client = await SocketIoClient.open(server.port, user, { onText: load.received, onLost: load.lost });
    clients.push(client);
    return client;
  };
  try {
    let readers = 0;
    await inParallel(readerCount, 50, async () => {
      const r = readers++;
      const reader = await connect(`reader-${r}`);
      // Each stream has as many readers.
      const followed = Array.from({ length: followedByEach }, (_, i) => threads[(r + i * 10) % streamCount]!);
      await resume(
        reader,
        followed.map((threadId) => ({ threadId })),
      );
    });
    const producers = await Promise.all(Array.from({ length: producerCount }, (_, p) => connect(`producer-${p}`)));
    for (const [i, threadId] of threads.entries()) await load.start(producers[i % producerCount]!, threadId);
    await load.settled(await load.write(warmUpMs));
    load.delays.clear();
    const meter = await loadMeter(server, context.cores);
    await load.settled(await load.write(durationMs));
    const { serverCpuUs, shares } = await meter.stop();
    return {
      cpuPerPieceUs: serverCpuUs / load.delays.count,
      delayP50Ms: load.delays.percentile(50),
      delayP99Ms: load.delays.percentile(99),
      ...shares,
    };
  } finally {
    for (const client of clients) client.close();
  }
}

export const streams: Scenario = {
  name: 'streams',
  about: '100 replies are streamed, 50 pieces a second each; 200 clients follow 10 of them each.',
  connections: readerCount + producerCount,
  async run(context) {
    const durationMs = context.isQuick ? 3000 : 4000;
    const rounds = await runCase(context, metrics, inCase, [threadwire, bareSocketIo], (opponent) =>
      measure(context, opponent, durationMs),
    );
    const of = (opponent: string, key: (typeof metrics)[number]['key']) =>
      middle(rounds, { case: inCase, opponent }, key);
    const [cpu] = metrics;
    return {
      metrics,
      rounds,
      targets: [
        {
          what: "CPU, of bare Socket.IO's",
          value: of(threadwire.title, 'cpuPerPieceUs') / of(bareSocketIo.title, 'cpuPerPieceUs'),
          comparison: 'at most',
          limit: 1 / 4,
          unit: 'x',
          digits: 3,
        },
        {
          what: 'delay from chunk to reader, p50',
          value: of(threadwire.title, 'delayP50Ms'),
          comparison: 'at most',
          limit: 45,
          unit: 'ms',
          digits: 1,
        },
        {
          what: 'delay from chunk to reader, p99',
          value: of(threadwire.title, 'delayP99Ms'),
          comparison: 'at most',
          limit: 80,
          unit: 'ms',
          digits: 1,
        },
      ],
      panels: [panelOf(rounds, inCase, cpu, "The server's CPU time per piece and reader, 100 streams of 50 pieces/s")],
    };
  },
};
