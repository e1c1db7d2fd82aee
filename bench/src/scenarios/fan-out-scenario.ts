import { fanOutMetrics, fanOutShortage, measureFanOut } from '../harness/fan-out.ts';
import { bareSocketIo, threadwire } from '../harness/opponents.ts';
import type { Opponent } from '../harness/opponents.ts';
import { middle, panelOf, runCase } from '../harness/rounds.ts';
import type { Context, Scenario } from '../harness/scenario.ts';

interface FanOutScenario extends Pick<Scenario, 'name' | 'about'> {
  readonly threads: number;
  /** How the threads are named in the picture. */
  readonly threadsTitle: string;
  readonly opponentsIn: (context: Context) => readonly Opponent[];
  /** The server's CPU per delivery, of bare Socket.IO's. */
  readonly limit: number;
}

const clients = 200;

/** As many messages as the server can fan out, to 200 clients that are in all threads. */
export function fanOutScenario({ name, about, threads, threadsTitle, opponentsIn, limit }: FanOutScenario): Scenario {
  const inCase = `${threadsTitle} x ${clients}`;
  return {
    name,
    about,
    connections: clients,
    async run(context) {
      const measureMs = context.isQuick ? 1500 : 2000;
      const shape = { threads, clients, window: 128, warmUpMs: 700, measureMs };
      const opponents = opponentsIn(context).filter((opponent) => {
        const shortage = fanOutShortage(opponent, shape);
        if (shortage !== undefined) context.note(`without "${opponent.title}": ${shortage}`);
        return shortage === undefined;
      });
      const rounds = await runCase(context, fanOutMetrics, inCase, opponents, (opponent) =>
        measureFanOut(context, opponent, shape),
      );
      const [cpu] = fanOutMetrics;
      const cpuOf = (opponent: string) => middle(rounds, { case: inCase, opponent }, cpu.key);
      const title = `The server's CPU time per delivery, ${threadsTitle} with ${clients} clients`;
      return {
        metrics: fanOutMetrics,
        rounds,
        targets: [
          {
            what: "CPU per delivery, of bare Socket.IO's",
            value: cpuOf(threadwire.title) / cpuOf(bareSocketIo.title),
            comparison: 'at most',
            limit,
            unit: 'x',
            digits: 3,
          },
        ],
        panels: [panelOf(rounds, inCase, cpu, title)],
      };
    },
  };
}
