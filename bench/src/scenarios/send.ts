import { loadMeter, shareMetrics } from '../harness/load-meter.ts';
import { bareSocketIo, oneFsync, threadwire } from '../harness/opponents.ts';
import type { Opponent, StartOptions } from '../harness/opponents.ts';
import { prefill } from '../harness/prefill.ts';
import { middle, panelOf, runRounds } from '../harness/rounds.ts';
import type { Entrant } from '../harness/rounds.ts';
import { Saturation } from '../harness/saturation.ts';
import type { Context, MetricInfo, Metrics, Round, Scenario, Target } from '../harness/scenario.ts';
import { percentile } from '../harness/statistics.ts';
import { makeTempDir } from '../harness/temp-dir.ts';
import { threadIds } from '../servers/thread-id.ts';
import type { Client, Subscription } from '../wire/wire.ts';

const threads = 64;
const inFlights = [1, 32, 256] as const;
const senders = 8;
const storedMessages = 1_000_000;
const filledTitle = 'Threadwire, 1M stored';

const metrics = [
  { key: 'cpuPerSendUs', title: 'CPU per send', unit: 'µs', digits: 1 },
  { key: 'sendsPerSecond', title: 'sends', unit: '/s', digits: 0, better: 'more' },
  { key: 'latencyP50Ms', title: 'answer p50', unit: 'ms', digits: 2 },
  { key: 'latencyP99Ms', title: 'answer p99', unit: 'ms', digits: 2 },
  { key: 'loopDelayP99Ms', title: 'loop delay p99', unit: 'ms', digits: 1 },
  ...shareMetrics,
] as const satisfies readonly MetricInfo[];
type Key = (typeof metrics)[number]['key'];

async function measure(
  context: Context,
  opponent: Opponent,
  options: StartOptions,
  inFlight: number,
  measureMs: number,
): Promise<Metrics> {
  await using server = await opponent.start(context.cores, options);
  const ids = threadIds(threads);
  const saturation = new Saturation({ threadIds: ids, readers: 1, window: inFlight });
  const clients: Client[] = [];
  try {
    const subscriptions = ids.map((threadId) => ({ threadId }));
    const connect = (to: readonly Subscription[]): Promise<Client> =>
      saturation.connect((events) => opponent.wire.connect(server.port, to, events));
    const reader = await connect(subscriptions);
    clients.push(reader);
    for (let i = 0; i < Math.min(senders, inFlight); i++) clients.push(await connect([]));
    const sending = clients.slice(1);
    await saturation.run(sending, measureMs / 2);
    await server.watchLoop();
    const meter = await loadMeter(server, context.cores);
    const run = await saturation.run(sending, measureMs);
    const used = await meter.stop();
    await saturation.check([reader]);
    return {
      cpuPerSendUs: used.serverCpuUs / run.messages,
      sendsPerSecond: (run.messages / run.elapsedMs) * 1000,
      latencyP50Ms: percentile(run.answersMs, 50),
      latencyP99Ms: percentile(run.answersMs, 99),
      loopDelayP99Ms: used.sample.loopDelayP99Ms ?? Number.NaN,
      ...used.shares,
    };
  } finally {
    for (const client of clients) client.close();
  }
}

function caseOf(inFlight: number): string {
  return `${inFlight} in flight`;
}

function targetsOf(rounds: readonly Round[]): Target[] {
  const most = caseOf(256);
  const of = (opponent: string, key: Key) => middle(rounds, { case: most, opponent }, key);
  const ours = threadwire.title;
  const rate = (what: string, opponent: string, limit: number): Target => {
    const value = of(opponent, 'sendsPerSecond');
    return { what, value, comparison: 'at least', limit, unit: '/s', digits: 0 };
  };
  const isFilled = rounds.some(({ opponent }) => opponent === filledTitle);
  return [
    {
      what: `${most}: sends, of one fsync per message`,
      value: of(ours, 'sendsPerSecond') / of(oneFsync.title, 'sendsPerSecond'),
      comparison: 'at least',
      limit: 3,
      unit: 'x',
      digits: 2,
    },
    rate(`${most}: sends, empty store`, ours, 8000),
    ...(isFilled ? [rate(`${most}: sends, 1M stored`, filledTitle, 5000)] : []),
    {
      what: `${most}: loop delay p99`,
      value: of(ours, 'loopDelayP99Ms'),
      comparison: 'at most',
      limit: 20,
      unit: 'ms',
      digits: 1,
    },
    {
      what: `${most}: CPU per send, of bare Socket.IO's`,
      value: of(ours, 'cpuPerSendUs') / of(bareSocketIo.title, 'cpuPerSendUs'),
      comparison: 'at most',
      limit: 1,
      unit: 'x',
      digits: 2,
    },
  ];
}

export const send: Scenario = {
  name: 'send',
  about: 'Messages to 64 threads in turn by 8 clients, with 1, 32 and 256 unanswered; one client reads them all.',
  connections: 1 + senders,
  async run(context) {
    await using filled = await makeTempDir();
    const servers: { title: string; opponent: Opponent; options: StartOptions }[] = [
      { title: threadwire.title, opponent: threadwire, options: { threads } },
      { title: oneFsync.title, opponent: oneFsync, options: {} },
      { title: bareSocketIo.title, opponent: bareSocketIo, options: {} },
    ];
    if (!context.isQuick) {
      const groups = [{ threads, messages: storedMessages / threads }];
      await prefill(context, '1,000,000 messages in 64 threads', { dataDir: filled.path, groups });
      servers.splice(1, 0, { title: filledTitle, opponent: threadwire, options: { dataDir: filled.path } });
    }
    const measureMs = context.isQuick ? 800 : 1000;
    const entrants: Entrant[] = inFlights.flatMap((inFlight) =>
      servers.map(({ title, opponent, options }) => ({
        case: caseOf(inFlight),
        opponent: title,
        measure: () => measure(context, opponent, options, inFlight, measureMs),
      })),
    );
    const rounds = await runRounds(context, context.isQuick ? 1 : 3, metrics, entrants);
    const [cpu, sends] = metrics;
    return {
      metrics,
      rounds,
      targets: targetsOf(rounds),
      panels: [
        panelOf(rounds, caseOf(256), sends, 'Messages stored and answered per second, 256 in flight'),
        panelOf(rounds, caseOf(256), cpu, "The server's CPU time per message, 256 in flight"),
      ],
    };
  },
};
