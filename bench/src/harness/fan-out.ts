import { threadIds } from '../servers/thread-id.ts';
import type { Client } from '../wire/wire.ts';
import { descriptorShortage } from './descriptors.ts';
import { inParallel } from './in-parallel.ts';
import { loadMeter, shareMetrics } from './load-meter.ts';
import type { Opponent } from './opponents.ts';
import { Saturation } from './saturation.ts';
import type { Context, MetricInfo, Metrics } from './scenario.ts';

export interface FanOut {
  readonly threads: number;
  readonly clients: number;
  /** Messages under way at a time. */
  readonly window: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

const senders = 4;
const connectsAtOnce = 50;

export const fanOutMetrics = [
  { key: 'cpuPerDeliveryUs', title: 'CPU per delivery', unit: 'µs', digits: 2 },
  { key: 'deliveriesPerSecond', title: 'deliveries', unit: '/s', digits: 0 },
  { key: 'messagesPerSecond', title: 'messages', unit: '/s', digits: 0 },
  ...shareMetrics,
] as const satisfies readonly MetricInfo[];

/** Everybody is in every thread, a few of them send, and the server does as much as it can. */
export async function measureFanOut(context: Context, opponent: Opponent, shape: FanOut): Promise<Metrics> {
  const ids = threadIds(shape.threads);
  await using server = await opponent.start(context.cores, { threads: shape.threads });
  const saturation = new Saturation({ threadIds: ids, readers: shape.clients, window: shape.window });
  const subscriptions = ids.map((threadId) => ({ threadId }));
  let clients: Client[] = [];
  let company: AsyncDisposable | undefined;
  try {
    clients = await inParallel(shape.clients, connectsAtOnce, () =>
      saturation.connect((events) => opponent.wire.connect(server.port, subscriptions, events)),
    );
    company = await opponent.company?.(server.port);
    const chosen = clients.slice(0, senders);
    await saturation.run(chosen, shape.warmUpMs);
    const meter = await loadMeter(server, context.cores);
    const run = await saturation.run(chosen, shape.measureMs);
    const used = await meter.stop();
    await saturation.check(clients);
    return {
      cpuPerDeliveryUs: used.serverCpuUs / run.deliveries,
      deliveriesPerSecond: (run.deliveries / run.elapsedMs) * 1000,
      messagesPerSecond: (run.messages / run.elapsedMs) * 1000,
      ...used.shares,
    };
  } finally {
    await company?.[Symbol.asyncDispose]();
    for (const client of clients) client.close();
  }
}

/** Why a process here cannot hold what a fan-out needs, or undefined. */
export function fanOutShortage(opponent: Opponent, { clients, threads }: FanOut): string | undefined {
  return descriptorShortage(opponent.name === 'thread-sockets' ? clients * threads : clients);
}
