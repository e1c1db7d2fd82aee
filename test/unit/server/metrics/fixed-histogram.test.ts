import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { Histogram, Registry } from 'prom-client';
import { FixedHistogram } from '../../../../server/src/metrics/fixed-histogram.ts';

const options = { name: 'a_histogram', help: 'What it\nmeasures, with a \\.', buckets: [0.001, 0.5, 1, 2.5, 64] };

function both() {
  const [ours, theirs] = [new Registry(), new Registry()];
  const fixed = new FixedHistogram({ ...options, registry: ours });
  const reference = new Histogram({ ...options, registers: [theirs] });
  return {
    fixed,
    observe: (value: number): void => {
      fixed.observe(value);
      reference.observe(value);
    },
    texts: async () => ({ ours: await ours.metrics(), theirs: await theirs.metrics() }),
  };
}

test('without observations it reads as prom-client’s own does', async () => {
  const { ours, theirs } = await both().texts();
  expect(ours).toBe(theirs);
  expect(ours).toContain('a_histogram_bucket{le="+Inf"} 0\n');
});

test('whatever is observed, it reads as prom-client’s own does', async () => {
  const bound = fc.constantFrom(...options.buckets);
  const anything = fc.double({ min: 0, max: 1000, noNaN: true });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(bound, anything)), async (values) => {
      const { observe, texts } = both();
      for (const value of values) observe(value);
      const { ours, theirs } = await texts();
      expect(ours).toBe(theirs);
    }),
  );
});

test('what is on a bound belongs below it, and what is above the last one only to all', async () => {
  const { observe, texts } = both();
  for (const value of [0.5, 64, 64.001]) observe(value);
  const { ours } = await texts();
  const counts = [...ours.matchAll(/_bucket\{le="([^"]+)"\} (\d+)/g)].map(([, le, count]) => [le, Number(count)]);
  expect(counts).toEqual([
    ['0.001', 0],
    ['0.5', 1],
    ['1', 1],
    ['2.5', 1],
    ['64', 2],
    ['+Inf', 3],
  ]);
});

test('reading it changes nothing, and resetting it begins anew', async () => {
  const { fixed, observe, texts } = both();
  observe(1);
  const { ours: first } = await texts();
  expect((await texts()).ours).toBe(first);
  fixed.reset();
  expect((await texts()).ours).toBe((await both().texts()).theirs);
});
