import { flatTarget, growthPanel } from '../harness/flatness.ts';
import { threadwire } from '../harness/opponents.ts';
import { prefill } from '../harness/prefill.ts';
import { runRounds } from '../harness/rounds.ts';
import type { Context, Findings, MetricInfo, Metrics } from '../harness/scenario.ts';
import { percentile } from '../harness/statistics.ts';
import { makeTempDir } from '../harness/temp-dir.ts';
import { timeRequests } from '../harness/time-requests.ts';
import { threadId } from '../servers/thread-id.ts';
import { SocketIoClient } from '../wire/socket-io.ts';

const pageSize = 50;

const metrics = [
  { key: 'newestPageMs', title: 'newest page of history', unit: 'ms', digits: 2 },
  { key: 'middlePageMs', title: 'page in the middle', unit: 'ms', digits: 2 },
] as const satisfies readonly MetricInfo[];

interface Thread {
  readonly id: string;
  readonly length: number;
}

/** Pages of one thread on an idle server, the newest one and others all over it. */
async function measure(client: SocketIoClient, { id, length }: Thread, pages: number): Promise<Metrics> {
  const page = async (cursor: { readonly before_position?: number }): Promise<void> => {
    const json = await client.request('fetch_history', { thread_id: id, limit: pageSize, ...cursor });
    const messages = json.split('"message_id":').length - 1;
    if (messages !== pageSize) throw new Error(`a page held ${messages} messages`);
  };
  const anywhere = () => pageSize + 1 + Math.floor(Math.random() * (length - pageSize));
  return {
    newestPageMs: percentile(await timeRequests(pages, () => page({})), 50),
    middlePageMs: percentile(await timeRequests(pages, () => page({ before_position: anywhere() })), 50),
  };
}

/** Longer and longer threads in one store. */
export async function growthOfHistory(context: Context): Promise<Findings> {
  const lengths = context.isQuick ? [1000, 10_000] : [1000, 30_000, 1_000_000];
  const caseOf = (length: number): string => `${length.toLocaleString('en')} messages`;
  await using filled = await makeTempDir();
  await prefill(context, `threads of ${lengths.map((length) => length.toLocaleString('en')).join(', ')} messages`, {
    dataDir: filled.path,
    groups: lengths.map((length) => ({ name: `long-${length}-`, threads: 1, messages: length })),
  });
  await using server = await threadwire.start(context.cores, { dataDir: filled.path });
  let failure: string | undefined;
  const client = await SocketIoClient.open(server.port, 'reader', { onLost: (reason) => (failure ??= reason) });
  const pages = context.isQuick ? 100 : 300;
  // The first pages of a process take longer than the rest.
  await measure(client, { id: threadId(0, 'long-1000-'), length: 1000 }, 200);
  const rounds = await runRounds(
    context,
    3,
    metrics,
    lengths.map((length) => ({
      case: caseOf(length),
      opponent: threadwire.title,
      measure: () => measure(client, { id: threadId(0, `long-${length}-`), length }, pages),
    })),
  );
  client.close();
  if (failure !== undefined) throw new Error(failure);
  const cases = lengths.map(caseOf);
  const [newest, middle] = metrics;
  return {
    metrics,
    rounds,
    targets: [newest, middle].map((metric) => flatTarget(rounds, cases, threadwire.title, metric)),
    panels: [growthPanel(rounds, cases, threadwire.title, middle, 'A page of history in the middle of a thread, p50')],
  };
}
