import { setTimeout as delay } from 'node:timers/promises';
import { inParallel } from '../harness/in-parallel.ts';
import { bareSocketIo, rawWs, threadSockets, threadwire } from '../harness/opponents.ts';
import type { Opponent } from '../harness/opponents.ts';
import { middle, panelOf, runRounds } from '../harness/rounds.ts';
import type { Entrant } from '../harness/rounds.ts';
import type { Context, MetricInfo, Metrics, Scenario } from '../harness/scenario.ts';
import { collectingInThreads } from '../harness/server-process.ts';
import { median } from '../harness/statistics.ts';
import type { Sample } from '../servers/control.ts';
import { threadId } from '../servers/thread-id.ts';
import type { Client, Subscription } from '../wire/wire.ts';

/**
 * Connected before the first look: what a server needs only once is not counted then, and the holes that its start has
 * left in memory are filled.
 */
const clientsBefore = 500;
/**
 * More and more of them are connected, with a look after each step. The median step counts: now and then a process gives
 * back at once what it had kept since its start, and that is nobody's.
 */
const steps = 5;
const clientsPerStep = 400;
const threads = 1000;
const connectsAtOnce = 10;
/** So that garbage never grows to a heap of holes, in which later clients would find room for nothing. */
const collectEvery = 100;
/** What a connection leaves to timers and to the next turns is done by then, and what was collected given back. */
const settleMs = 200;
/**
 * V8's nursery grows to 16 MiB in each half while there is work, and does not shrink. It is to be that large from the
 * start, or its growth would count as the clients'.
 */
const nodeArguments = ['--min-semi-space-size=16', ...collectingInThreads];
const subscriptionCounts = [0, 10, 100] as const;

const metrics = [
  { key: 'memoryPerClientKib', title: 'memory (RSS) per client', unit: 'KiB', digits: 1 },
  { key: 'heapPerClientKib', title: "JavaScript's part", unit: 'KiB', digits: 1 },
] as const satisfies readonly MetricInfo[];

/** The threads of the n-th client: other ones than its neighbours have. */
function subscriptionsOf(client: number, count: number): Subscription[] {
  return Array.from({ length: count }, (_, i) => ({ threadId: threadId((client * 7 + i * 11) % threads) }));
}

/** `factor`: of so many of what was measured a client consists. */
async function measure(context: Context, opponent: Opponent, subscriptions: number, factor: number): Promise<Metrics> {
  await using server = await opponent.start(context.cores, { threads, nodeArguments });
  let failure: string | undefined;
  const events = { onLost: (reason: string) => (failure ??= reason) };
  const clients: Client[] = [];
  const connectMore = async (count: number): Promise<Sample> => {
    for (const end = clients.length + count; clients.length < end;) {
      const before = clients.length;
      const more = await inParallel(Math.min(collectEvery, end - before), connectsAtOnce, (i) =>
        opponent.wire.connect(server.port, subscriptionsOf(before + i, subscriptions), events),
      );
      clients.push(...more);
      await server.sample({ gc: true });
    }
    await delay(settleMs);
    await server.sample({ gc: true });
    await delay(settleMs);
    return server.sample({ gc: true });
  };
  try {
    const samples = [await connectMore(clientsBefore)];
    for (let step = 0; step < steps; step++) samples.push(await connectMore(clientsPerStep));
    if (failure !== undefined) throw new Error(failure);
    const kibPerClient = (bytesOf: (sample: Sample) => number): number => {
      const stepsBytes = samples.slice(1).map((sample, i) => bytesOf(sample) - bytesOf(samples[i]!));
      return (median(stepsBytes) / clientsPerStep / 1024) * factor;
    };
    return {
      memoryPerClientKib: kibPerClient(({ rssBytes }) => rssBytes),
      heapPerClientKib: kibPerClient(({ heapBytes = 0 }) => heapBytes),
    };
  } finally {
    for (const client of clients) client.close();
  }
}

function caseOf(subscriptions: number): string {
  return `${subscriptions} subscriptions`;
}

export const idle: Scenario = {
  name: 'idle',
  about: 'What a client that does nothing costs: memory for 2,000 more, with 0, 10 and 100 subscriptions each.',
  connections: clientsBefore + steps * clientsPerStep,
  async run(context) {
    const counts = context.isQuick ? [10] : subscriptionCounts;
    const entrant = (count: number, opponent: Opponent): Entrant => ({
      case: caseOf(count),
      opponent: opponent.title,
      // Sockets have nothing in common: what one of them costs is measured, and ten cost ten times that.
      measure: () =>
        opponent === threadSockets ? measure(context, opponent, 1, count) : measure(context, opponent, count, 1),
    });
    const rounds = await runRounds(
      context,
      1,
      metrics,
      counts.flatMap((count) =>
        [threadwire, bareSocketIo, ...(count === 10 ? [rawWs, threadSockets] : [])].map((opponent) =>
          entrant(count, opponent),
        ),
      ),
    );
    context.note(`"${threadSockets.title}" is one socket measured, times the number of threads`);
    const of = (opponent: string) => middle(rounds, { case: caseOf(10), opponent }, 'memoryPerClientKib');
    const [memory] = metrics;
    return {
      metrics,
      rounds,
      targets: [
        {
          what: "memory per client with 10 subscriptions, of bare Socket.IO's with 10 rooms",
          value: of(threadwire.title) / of(bareSocketIo.title),
          comparison: 'at most',
          limit: 1,
          unit: 'x',
          digits: 2,
        },
      ],
      panels: counts.map((count) => panelOf(rounds, caseOf(count), memory, `Memory per idle client, ${caseOf(count)}`)),
    };
  },
};
