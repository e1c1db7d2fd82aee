import { fanOutMetrics, measureFanOut } from '../harness/fan-out.ts';
import { threadwire, watchedThreadwire } from '../harness/opponents.ts';
import { middle, panelOf, runCase } from '../harness/rounds.ts';
import type { Scenario } from '../harness/scenario.ts';

const clients = 200;
const inCase = `1 thread x ${clients}`;

/** The same fan-out with and without an operator who looks on. */
export const watched: Scenario = {
  name: 'watched',
  about:
    'One thread, 200 clients, with and without an operator who has the console and the official Socket.IO UI open.',
  connections: clients + 2,
  async run(context) {
    const shape = { threads: 1, clients, window: 128, warmUpMs: 1500, measureMs: context.isQuick ? 3000 : 5000 };
    const rounds = await runCase(context, fanOutMetrics, inCase, [threadwire, watchedThreadwire], (opponent) =>
      measureFanOut(context, opponent, shape),
    );
    const [cpu] = fanOutMetrics;
    const cpuOf = (opponent: string) => middle(rounds, { case: inCase, opponent }, cpu.key);
    return {
      metrics: fanOutMetrics,
      rounds,
      targets: [
        {
          what: 'CPU per delivery while an operator watches, of that while nobody does',
          value: cpuOf(watchedThreadwire.title) / cpuOf(threadwire.title),
          comparison: 'at most',
          limit: 1.1,
          unit: 'x',
          digits: 3,
        },
      ],
      panels: [
        panelOf(rounds, inCase, cpu, "The server's CPU time per delivery, with and without an operator watching"),
      ],
    };
  },
};
