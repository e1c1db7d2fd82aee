import { growthOfHistory } from './growth-history.ts';
import { growthOfSubscribers } from './growth-subscribers.ts';
import { growthOfThreads } from './growth-threads.ts';
import type { Findings, Scenario } from '../harness/scenario.ts';

export const growth: Scenario = {
  name: 'growth',
  about: 'What a delivery, a page of history, a page of the list and a send cost, as there is more of everything.',
  connections: 200,
  async run(context) {
    const parts: Findings[] = [];
    for (const part of [growthOfSubscribers, growthOfHistory, growthOfThreads]) parts.push(await part(context));
    return {
      metrics: parts.flatMap(({ metrics }) => metrics),
      rounds: parts.flatMap(({ rounds }) => rounds),
      targets: parts.flatMap(({ targets }) => targets),
      panels: parts.flatMap(({ panels }) => panels),
    };
  },
};
