import { bareSocketIo, foreignOpponents, rawWs, threadSockets, threadwire } from '../harness/opponents.ts';
import { fanOutScenario } from './fan-out-scenario.ts';

export const fanout = fanOutScenario({
  name: 'fanout',
  about: 'One thread, 200 clients in it, 4 of them send as fast as 128 messages under way allow.',
  threads: 1,
  threadsTitle: '1 thread',
  opponentsIn: (context) => {
    const { found, missing } = foreignOpponents();
    if (missing.length > 0) context.note(`not on the PATH: ${missing.join(', ')}`);
    return [threadwire, bareSocketIo, rawWs, threadSockets, ...found];
  },
  limit: 1 / 7,
});
