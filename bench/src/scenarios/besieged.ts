import { shareMetrics, loadMeter } from '../harness/load-meter.ts';
import { operatedThreadwire } from '../harness/opponents.ts';
import { pacedCase, pacedClients, PacedRoom } from '../harness/paced.ts';
import { middle, runCase } from '../harness/rounds.ts';
import type { Context, MetricInfo, Metrics, Scenario } from '../harness/scenario.ts';
import { percentile } from '../harness/statistics.ts';
import { makeTempDir, memoryParent } from '../harness/temp-dir.ts';
import { LoginFlood } from '../wire/login-flood.ts';

const metrics = [
  { key: 'besiegedP99Ms', title: 'besieged p99', unit: 'ms', digits: 2 },
  { key: 'quietP99Ms', title: 'quiet p99', unit: 'ms', digits: 2 },
  { key: 'besiegedP50Ms', title: 'besieged p50', unit: 'ms', digits: 2 },
  { key: 'quietP50Ms', title: 'quiet p50', unit: 'ms', digits: 2 },
  { key: 'guessesPerSecond', title: 'guesses', unit: '/s', digits: 0, better: 'more' },
  ...shareMetrics,
] as const satisfies readonly MetricInfo[];

const sliceMs = 4000;

/** More than the store takes. */
const roomBytes = 2 ** 28;

/**
 * By turns in peace and under siege, on one server: what disturbs the machine disturbs both. The store is in memory where it
 * can be: logins do not touch it, and of a disk the slowest hundredth of the messages says more than of them.
 */
async function measure(context: Context): Promise<Metrics> {
  await using directory = await makeTempDir(await memoryParent(roomBytes));
  await using room = await PacedRoom.open(context, operatedThreadwire, { dataDir: directory.path });
  const quietMs: number[] = [];
  const besiegedMs: number[] = [];
  // The first ones are looked at, those after them only now and then.
  await sendUnderSiege(room, 2000);
  const slices = context.isQuick ? 1 : 6;
  let guesses = 0;
  const meter = await loadMeter(room.server, context.cores);
  for (let slice = 0; slice < slices; slice++) {
    quietMs.push(...(await room.send(sliceMs)));
    const siege = await sendUnderSiege(room, sliceMs);
    besiegedMs.push(...siege.latenciesMs);
    guesses += siege.guesses;
  }
  const { shares } = await meter.stop();
  return {
    besiegedP99Ms: percentile(besiegedMs, 99),
    quietP99Ms: percentile(quietMs, 99),
    besiegedP50Ms: percentile(besiegedMs, 50),
    quietP50Ms: percentile(quietMs, 50),
    guessesPerSecond: guesses / ((slices * sliceMs) / 1000),
    ...shares,
  };
}

async function sendUnderSiege(
  room: PacedRoom,
  durationMs: number,
): Promise<{ latenciesMs: number[]; guesses: number }> {
  await using flood = new LoginFlood(room.server.port);
  const latenciesMs = await room.send(durationMs);
  return { latenciesMs, guesses: flood.answered };
}

/** What users notice of somebody who guesses the operator's password. */
export const besieged: Scenario = {
  name: 'besieged',
  about: '20 messages a second to 200 clients, with and without 100 wrong logins a second from 100 addresses.',
  connections: pacedClients + 100,
  async run(context) {
    const rounds = await runCase(context, metrics, pacedCase, [operatedThreadwire], () => measure(context));
    const of = (key: string) => middle(rounds, { case: pacedCase, opponent: operatedThreadwire.title }, key);
    const [besiegedMs, quietMs] = [of('besiegedP99Ms'), of('quietP99Ms')];
    return {
      metrics,
      rounds,
      targets: [
        {
          what: 'p99 under 100 wrong logins a second, of that without',
          value: besiegedMs / quietMs,
          comparison: 'at most',
          limit: 1.5,
          unit: 'x',
          digits: 2,
        },
      ],
      panels: [
        {
          title: 'From send to receipt, 99 of 100 within',
          better: 'less',
          unit: 'ms',
          digits: 2,
          bars: [
            { label: 'nobody guesses', value: quietMs, isOurs: true },
            { label: '100 guesses a second', value: besiegedMs, isOurs: true },
          ],
        },
      ],
    };
  },
};
