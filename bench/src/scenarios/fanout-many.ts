import { fanOutMetrics, fanOutShortage, measureFanOut } from '../harness/fan-out.ts';
import { bareSocketIo, rawWs, threadSockets, threadwire } from '../harness/opponents.ts';
import { middle, panelOf, runRounds } from '../harness/rounds.ts';
import type { Scenario } from '../harness/scenario.ts';

const inCase = '50 threads x 200';

export const fanoutMany: Scenario = {
  name: 'fanout-many',
  about: '50 threads, 200 clients in all of them, 4 of them send as fast as 128 messages under way allow.',
  connections: 200,
  async run(context) {
    const measureMs = context.isQuick ? 1500 : 2000;
    const shape = { threads: 50, clients: 200, window: 128, warmUpMs: 700, measureMs };
    const opponents = [threadwire, bareSocketIo, rawWs, threadSockets].filter((opponent) => {
      const shortage = fanOutShortage(opponent, shape);
      if (shortage !== undefined) context.note(`without "${opponent.title}": ${shortage}`);
      return shortage === undefined;
    });
    const rounds = await runRounds(
      context,
      context.isQuick ? 1 : 3,
      fanOutMetrics,
      opponents.map((opponent) => ({
        case: inCase,
        opponent: opponent.title,
        measure: () => measureFanOut(context, opponent, shape),
      })),
    );
    const [cpu] = fanOutMetrics;
    const cpuOf = (opponent: string) => middle(rounds, { case: inCase, opponent }, cpu.key);
    return {
      metrics: fanOutMetrics,
      rounds,
      targets: [
        {
          what: "CPU per delivery, of bare Socket.IO's",
          value: cpuOf(threadwire.title) / cpuOf(bareSocketIo.title),
          comparison: 'at most',
          limit: 1 / 8,
          unit: 'x',
          digits: 3,
        },
      ],
      panels: [panelOf(rounds, inCase, cpu, "The server's CPU time per delivery, 50 threads with 200 clients")],
    };
  },
};
