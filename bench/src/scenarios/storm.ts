import { setTimeout as delay } from 'node:timers/promises';
import { checkResumed, joinedThreads, resumeAt, storedMessages } from '../harness/joining.ts';
import { loadMeter, shareMetrics } from '../harness/load-meter.ts';
import { bareSocketIo, threadwire } from '../harness/opponents.ts';
import type { Opponent, StartOptions } from '../harness/opponents.ts';
import { prefill } from '../harness/prefill.ts';
import { middle, panelOf, runCase } from '../harness/rounds.ts';
import type { Context, MetricInfo, Metrics, Scenario } from '../harness/scenario.ts';
import { percentile } from '../harness/statistics.ts';
import { makeTempDir } from '../harness/temp-dir.ts';
import { SocketIoClient, resume } from '../wire/socket-io.ts';
import { UpgradeRefused } from '../wire/web-socket.ts';

const clients = 2000;
const warmUpClients = 100;
const threadsEach = 20;
const missed = 2;
const inCase = '2,000 clients at once';
/** As Socket.IO's own client waits before it tries again. */
const minRetryMs = 500;
const maxRetryMs = 1500;
const giveUpMs = 60_000;

const metrics = [
  { key: 'allResumedMs', title: 'all resumed', unit: 'ms', digits: 0 },
  { key: 'cpuPerClientUs', title: 'CPU per client', unit: 'µs', digits: 0 },
  { key: 'resumedP50Ms', title: 'half resumed', unit: 'ms', digits: 0 },
  { key: 'refused', title: 'told to come back', unit: 'times', digits: 0 },
  ...shareMetrics,
] as const satisfies readonly MetricInfo[];

/** All of them open a connection in the same moment, and each resumes all of its threads by one request. */
async function measure(context: Context, opponent: Opponent, options: StartOptions): Promise<Metrics> {
  await using server = await opponent.start(context.cores, options);
  const abandoned = new AbortController();
  const open: SocketIoClient[] = [];
  const lost = new Promise<never>((_resolve, reject) => {
    abandoned.signal.addEventListener('abort', () => reject(abandoned.signal.reason as Error));
  });
  lost.catch(() => undefined);
  const fail = (reason: string): void => abandoned.abort(new Error(reason));
  let refused = 0;
  const comeBack = async (i: number): Promise<number> => {
    const client = await openPatiently(server.port, i, fail, () => (refused += 1));
    open.push(client);
    const json = await resume(client, resumeAt(i, threadsEach, missed));
    if (opponent === threadwire) checkResumed(json, threadsEach, missed);
    return performance.now() - beganAt;
  };
  // What a server does for the first time takes it longer than what it has done before.
  let beganAt = performance.now();
  await Promise.all(Array.from({ length: warmUpClients }, (_, i) => comeBack(i)));
  const meter = await loadMeter(server, context.cores);
  beganAt = performance.now();
  const timer = setTimeout(fail, giveUpMs, `not all were back within ${giveUpMs / 1000} s`);
  try {
    const resumedMs = await Promise.race([Promise.all(Array.from({ length: clients }, (_, i) => comeBack(i))), lost]);
    const { serverCpuUs, shares } = await meter.stop();
    return {
      allResumedMs: Math.max(...resumedMs),
      cpuPerClientUs: serverCpuUs / clients,
      resumedP50Ms: percentile(resumedMs, 50),
      refused,
      ...shares,
    };
  } finally {
    clearTimeout(timer);
    for (const client of open) client.close();
  }
}

/** Where the server says that it is busy, tries again like a stock client. */
async function openPatiently(
  port: number,
  client: number,
  onLost: (reason: string) => void,
  onRefused: () => void,
): Promise<SocketIoClient> {
  for (;;) {
    try {
      return await SocketIoClient.open(port, `user-${client}`, { onLost });
    } catch (error) {
      if (!(error instanceof UpgradeRefused) || ![429, 503].includes(error.status)) throw error;
      onRefused();
      await delay(minRetryMs + Math.random() * (maxRetryMs - minRetryMs));
    }
  }
}

export const storm: Scenario = {
  name: 'storm',
  about: '2,000 clients come back at once, each to 20 threads in which it missed 2 messages.',
  connections: clients + warmUpClients,
  async run(context) {
    await using filled = await makeTempDir();
    await prefill(context, `${joinedThreads} threads of ${storedMessages} messages`, {
      dataDir: filled.path,
      groups: [{ threads: joinedThreads, messages: storedMessages }],
    });
    const rounds = await runCase(context, metrics, inCase, [threadwire, bareSocketIo], (opponent) =>
      measure(context, opponent, { dataDir: filled.path }),
    );
    const [all, cpu] = metrics;
    return {
      metrics,
      rounds,
      targets: [
        {
          what: 'until all 2,000 have resumed',
          value: middle(rounds, { case: inCase, opponent: threadwire.title }, all.key),
          comparison: 'at most',
          limit: 10_000,
          unit: 'ms',
          digits: 0,
        },
      ],
      panels: [
        panelOf(rounds, inCase, all, 'Until all of 2,000 clients are back in 20 threads each'),
        panelOf(rounds, inCase, cpu, "The server's CPU time per client"),
      ],
    };
  },
};
