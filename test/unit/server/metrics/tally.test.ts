import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { Counter, Registry } from 'prom-client';
import { Tally } from '../../../../server/src/metrics/tally.ts';

const options = { name: 'a_total', help: 'What it counts.' };
const keys = ['red', 'green', 'a "quoted" one'] as const;
type Key = (typeof keys)[number];

function both() {
  const [ours, theirs] = [new Registry(), new Registry()];
  const tally = new Tally<Key>({ ...options, label: 'colour', keys, registry: ours });
  const reference = new Counter({ ...options, labelNames: ['colour'], registers: [theirs] });
  for (const key of keys) reference.inc({ colour: key }, 0);
  return {
    tally,
    add: (key: Key): void => {
      tally.add(key);
      reference.inc({ colour: key });
    },
    texts: async () => ({ ours: await ours.metrics(), theirs: await theirs.metrics() }),
  };
}

test('what has not happened yet is 0 from the start', async () => {
  const { ours } = await both().texts();
  expect(ours).toContain('a_total{colour="red"} 0\na_total{colour="green"} 0\n');
});

test('whatever is counted, and however often it is read, it reads as prom-client’s own counter', async () => {
  const step = fc.oneof(fc.constantFrom(...keys), fc.constant('read' as const));
  await fc.assert(
    fc.asyncProperty(fc.array(step), async (steps) => {
      const { add, texts } = both();
      for (const each of [...steps, 'read' as const]) {
        if (each !== 'read') {
          add(each);
          continue;
        }
        const { ours, theirs } = await texts();
        expect(ours).toBe(theirs);
      }
    }),
  );
});

test('it gives its counts by key', () => {
  const { tally, add } = both();
  for (const key of ['red', 'red', 'green'] as const) add(key);
  expect(tally.toObject()).toEqual({ red: 2, green: 1, 'a "quoted" one': 0 });
});
