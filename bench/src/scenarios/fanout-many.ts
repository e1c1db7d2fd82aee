import { bareSocketIo, rawWs, threadSockets, threadwire } from '../harness/opponents.ts';
import { fanOutScenario } from './fan-out-scenario.ts';

export const fanoutMany = fanOutScenario({
  name: 'fanout-many',
  about: '50 threads, 200 clients in all of them, 4 of them send as fast as 128 messages under way allow.',
  threads: 50,
  threadsTitle: '50 threads',
  opponentsIn: () => [threadwire, bareSocketIo, rawWs, threadSockets],
  limit: 1 / 8,
});
