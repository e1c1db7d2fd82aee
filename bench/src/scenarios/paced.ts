import { bareSocketIo, rawWs, threadwire } from '../harness/opponents.ts';
import { measurePaced, pacedCase, pacedClients, pacedMetrics } from '../harness/paced.ts';
import { middle, panelOf, runCase } from '../harness/rounds.ts';
import type { Scenario } from '../harness/scenario.ts';

export const paced: Scenario = {
  name: 'paced',
  about: 'One thread, 200 clients in it, one of them sends 20 messages a second: the time from send to receipt.',
  connections: pacedClients,
  async run(context) {
    const durationMs = context.isQuick ? 3000 : 4000;
    const rounds = await runCase(context, pacedMetrics, pacedCase, [threadwire, bareSocketIo, rawWs], (opponent) =>
      measurePaced(context, opponent, durationMs),
    );
    const of = (opponent: string, key: (typeof pacedMetrics)[number]['key']) =>
      middle(rounds, { case: pacedCase, opponent }, key);
    const ours = threadwire.title;
    const theirs = bareSocketIo.title;
    const [p50, p99] = pacedMetrics;
    return {
      metrics: pacedMetrics,
      rounds,
      targets: [
        {
          what: "p50: bare Socket.IO's + the commit + 1 ms",
          value: of(ours, 'latencyP50Ms'),
          comparison: 'at most',
          limit: of(theirs, 'latencyP50Ms') + of(ours, 'commitP50Ms') + 1,
          unit: 'ms',
          digits: 2,
        },
        {
          what: "p99: bare Socket.IO's + the commit + 3 ms",
          value: of(ours, 'latencyP99Ms'),
          comparison: 'at most',
          limit: of(theirs, 'latencyP99Ms') + of(ours, 'commitP99Ms') + 3,
          unit: 'ms',
          digits: 2,
        },
      ],
      panels: [
        panelOf(rounds, pacedCase, p50, 'From send to receipt, 20 messages/s to 200 clients: half of them within'),
        panelOf(rounds, pacedCase, p99, '99 of 100 within'),
      ],
    };
  },
};
