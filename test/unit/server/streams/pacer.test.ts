import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { Pacer } from '../../../../server/src/streams/pacer.ts';
import { ManualClock } from '../../../support/manual-clock.ts';

function setUp() {
  const clock = new ManualClock();
  const start = clock.now();
  const calls: [name: string, afterMs: number][] = [];
  const pacer = new Pacer(clock);
  return {
    clock,
    pacer,
    calls,
    call: (name: string, delayMs: number) => pacer.after(delayMs, () => calls.push([name, clock.now() - start])),
  };
}

test('calls back together what is due within 25 ms, when the last of it is', async () => {
  const { clock, calls, call } = setUp();
  call('a', 40);
  call('b', 65);
  await clock.advance(10);
  call('c', 40);
  call('d', 56);
  call('e', 500);
  call('f', 20);
  await clock.advance(1000);
  expect(calls).toEqual([
    ['f', 30],
    ['a', 65],
    ['b', 65],
    ['c', 65],
    ['d', 66],
    ['e', 510],
  ]);
});

test('what was called back together falls into step with what is due a little later', async () => {
  const { clock, pacer } = setUp();
  const moments = new Set<number>();
  const again = (): void => {
    if (clock.now() > start + 1000) moments.add(clock.now());
    if (clock.now() < start + 1400) pacer.after(43, again);
  };
  const start = clock.now();
  for (const phaseMs of [0, 11, 19, 30]) pacer.after(phaseMs, again);
  await clock.advance(1600);
  // One moment in each 43 ms, whatever they began with.
  expect(moments.size).toBeLessThanOrEqual(11);
  expect(moments.size).toBeGreaterThanOrEqual(9);
});

test('what asks again while it is called back is called at a later moment', async () => {
  const { clock, calls, call, pacer } = setUp();
  pacer.after(10, () => call('again', 10));
  await clock.advance(10);
  expect(calls).toEqual([]);
  await clock.advance(10);
  expect(calls).toEqual([['again', 20]]);
});

test('never calls back too early, nor more than 25 ms too late, and each once', async () => {
  const requests = fc.array(fc.tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 200 })), {
    maxLength: 20,
  });
  await fc.assert(
    fc.asyncProperty(requests, async (pauses) => {
      const { clock, pacer } = setUp();
      const late: number[] = [];
      for (const [pauseMs, delayMs] of pauses) {
        await clock.advance(pauseMs);
        const due = clock.now() + delayMs;
        pacer.after(delayMs, () => late.push(clock.now() - due));
      }
      await clock.advance(1000);
      expect(late).toHaveLength(pauses.length);
      expect(late.filter((ms) => ms < 0 || ms > 25)).toEqual([]);
      expect(clock.pending).toEqual([]);
    }),
    { numRuns: 30 },
  );
});
