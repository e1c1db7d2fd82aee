import { besiegedThreadwire, threadwire } from '../harness/opponents.ts';
import { measurePaced, pacedCase, pacedClients, pacedMetrics } from '../harness/paced.ts';
import { middle, panelOf, runCase } from '../harness/rounds.ts';
import type { Scenario } from '../harness/scenario.ts';

/** What users notice of somebody who guesses the operator's password. */
export const besieged: Scenario = {
  name: 'besieged',
  about: '20 messages a second to 200 clients, with and without 100 wrong logins a second from 100 addresses.',
  connections: pacedClients + 100,
  async run(context) {
    const durationMs = context.isQuick ? 4000 : 8000;
    const rounds = await runCase(context, pacedMetrics, pacedCase, [threadwire, besiegedThreadwire], (opponent) =>
      measurePaced(context, opponent, durationMs),
    );
    const [, p99] = pacedMetrics;
    const of = (opponent: string) => middle(rounds, { case: pacedCase, opponent }, p99.key);
    return {
      metrics: pacedMetrics,
      rounds,
      targets: [
        {
          what: 'p99 under 100 wrong logins a second, of that without',
          value: of(besiegedThreadwire.title) / of(threadwire.title),
          comparison: 'at most',
          limit: 1.5,
          unit: 'x',
          digits: 2,
        },
      ],
      panels: [panelOf(rounds, pacedCase, p99, 'From send to receipt, 99 of 100 within')],
    };
  },
};
