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

const threadsEach = 10;
const perSecond = 100;
const warmUpClients = 150;
const inCase = '100 clients/s';

const metrics = [
  { key: 'cpuPerClientUs', title: 'CPU per client', unit: 'µs', digits: 0 },
  { key: 'readyP50Ms', title: 'ready p50', unit: 'ms', digits: 2 },
  { key: 'readyP99Ms', title: 'ready p99', unit: 'ms', digits: 2 },
  ...shareMetrics,
] as const satisfies readonly MetricInfo[];

/** Clients come one by one, and each subscribes to its threads by one request. */
async function measure(context: Context, opponent: Opponent, options: StartOptions, clients: number): Promise<Metrics> {
  await using server = await opponent.start(context.cores, options);
  const open: SocketIoClient[] = [];
  let failure: string | undefined;
  const connect = async (i: number): Promise<number> => {
    const beganAt = performance.now();
    const client = await SocketIoClient.open(server.port, `user-${i}`, { onLost: (reason) => (failure ??= reason) });
    open.push(client);
    const json = await resume(client, resumeAt(i, threadsEach, 0));
    if (opponent === threadwire) checkResumed(json, threadsEach, 0);
    return performance.now() - beganAt;
  };
  const connectCalmly = async (count: number): Promise<number[]> => {
    const beganAt = performance.now();
    const ready: Promise<number>[] = [];
    for (let i = 0; i < count; i++) {
      await delay(Math.max(0, beganAt + (i * 1000) / perSecond - performance.now()));
      ready.push(connect(i));
    }
    return Promise.all(ready);
  };
  try {
    await connectCalmly(warmUpClients);
    const meter = await loadMeter(server, context.cores);
    const readyMs = await connectCalmly(clients);
    const { serverCpuUs, shares } = await meter.stop();
    if (failure !== undefined) throw new Error(failure);
    return {
      cpuPerClientUs: serverCpuUs / clients,
      readyP50Ms: percentile(readyMs, 50),
      readyP99Ms: percentile(readyMs, 99),
      ...shares,
    };
  } finally {
    for (const client of open) client.close();
  }
}

export const connect: Scenario = {
  name: 'connect',
  about: '100 clients connect each second, and each subscribes to 10 threads in which it missed nothing.',
  connections: 1000,
  async run(context) {
    await using filled = await makeTempDir();
    await prefill(context, `${joinedThreads} threads of ${storedMessages} messages`, {
      dataDir: filled.path,
      groups: [{ threads: joinedThreads, messages: storedMessages }],
    });
    const rounds = await runCase(context, metrics, inCase, [threadwire, bareSocketIo], (opponent) =>
      measure(context, opponent, { dataDir: filled.path }, context.isQuick ? 200 : 300),
    );
    const of = (opponent: string) => middle(rounds, { case: inCase, opponent }, 'cpuPerClientUs');
    const [cpu] = metrics;
    return {
      metrics,
      rounds,
      targets: [
        {
          what: "CPU per client, of bare Socket.IO's with 10 rooms",
          value: of(threadwire.title) / of(bareSocketIo.title),
          comparison: 'at most',
          limit: 1.3,
          unit: 'x',
          digits: 2,
        },
      ],
      panels: [panelOf(rounds, inCase, cpu, "The server's CPU time per client that connects, with 10 subscriptions")],
    };
  },
};
