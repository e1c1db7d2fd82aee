import { flatTarget, growthPanel } from '../harness/flatness.ts';
import { loadMeter } from '../harness/load-meter.ts';
import { threadwire } from '../harness/opponents.ts';
import { prefill } from '../harness/prefill.ts';
import { runRounds } from '../harness/rounds.ts';
import { Saturation } from '../harness/saturation.ts';
import type { Context, Findings, MetricInfo, Metrics } from '../harness/scenario.ts';
import { percentile } from '../harness/statistics.ts';
import { makeTempDir } from '../harness/temp-dir.ts';
import type { TempDir } from '../harness/temp-dir.ts';
import { timeRequests } from '../harness/time-requests.ts';
import { threadIds } from '../servers/thread-id.ts';
import { SocketIoClient } from '../wire/socket-io.ts';

/** As many as the smallest store has. */
const pageSize = 10;
const inFlight = 32;
const senders = 4;

const metrics = [
  { key: 'listPageMs', title: 'page of the list', unit: 'ms', digits: 2 },
  { key: 'cpuPerSendUs', title: 'CPU per send', unit: 'µs', digits: 1 },
  { key: 'sendsPerSecond', title: 'sends', unit: '/s', digits: 0 },
] as const satisfies readonly MetricInfo[];

/** Pages of the list on an idle server, and then sends all over the threads. */
async function measure(context: Context, dataDir: string, threads: number, pages: number): Promise<Metrics> {
  await using server = await threadwire.start(context.cores, { dataDir });
  const measureMs = context.isQuick ? 1000 : 1500;
  const saturation = new Saturation({ threadIds: shuffled(threadIds(threads)), readers: 0, window: inFlight });
  const clients: SocketIoClient[] = [];
  const connect = async (user: string): Promise<SocketIoClient> => {
    const client = await saturation.connect((events) => SocketIoClient.open(server.port, user, events));
    clients.push(client as SocketIoClient);
    return client as SocketIoClient;
  };
  try {
    const [reader, ...sending] = await Promise.all(Array.from({ length: senders + 1 }, (_, i) => connect(`user-${i}`)));
    const list = async (): Promise<void> => {
      await reader!.request('list_threads', { limit: pageSize });
    };
    await timeRequests(pages, list);
    const listMs = await timeRequests(pages, list);
    await saturation.run(sending, measureMs / 2);
    const meter = await loadMeter(server, context.cores);
    const run = await saturation.run(sending, measureMs);
    const { serverCpuUs } = await meter.stop();
    await saturation.check([]);
    return {
      listPageMs: percentile(listMs, 50),
      cpuPerSendUs: serverCpuUs / run.messages,
      sendsPerSecond: (run.messages / run.elapsedMs) * 1000,
    };
  } finally {
    for (const client of clients) client.close();
  }
}

/** In an order that is not that of their keys. */
function shuffled(ids: readonly string[]): string[] {
  return ids
    .map((id) => ({ id, place: Math.random() }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ id }) => id);
}

/** More and more threads, each count in a store of its own. */
export async function growthOfThreads(context: Context): Promise<Findings> {
  const counts = context.isQuick ? [10, 1000] : [10, 1000, 100_000];
  const caseOf = (count: number): string => `${count.toLocaleString('en')} threads`;
  const filled: { count: number; directory: TempDir }[] = [];
  try {
    for (const count of counts) {
      const directory = await makeTempDir();
      filled.push({ count, directory });
      const groups = [{ threads: count, messages: 1 }];
      await prefill(context, caseOf(count), { dataDir: directory.path, groups });
    }
    const rounds = await runRounds(
      context,
      context.isQuick ? 1 : 2,
      metrics,
      filled.map(({ count, directory }) => ({
        case: caseOf(count),
        opponent: threadwire.title,
        measure: () => measure(context, directory.path, count, context.isQuick ? 50 : 200),
      })),
    );
    const [list, cpu] = metrics;
    const cases = counts.map(caseOf);
    return {
      metrics,
      rounds,
      targets: [flatTarget(rounds, cases, threadwire.title, list), flatTarget(rounds, cases, threadwire.title, cpu)],
      panels: [
        growthPanel(rounds, cases, threadwire.title, list, 'A page of 10 of the list of threads, p50'),
        growthPanel(rounds, cases, threadwire.title, cpu, "The server's CPU time per send, 32 in flight"),
      ],
    };
  } finally {
    for (const { directory } of filled) await directory[Symbol.asyncDispose]();
  }
}
