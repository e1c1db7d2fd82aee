import { expect, test } from '@jest/globals';
import { Lifecycle } from '../../../server/src/lifecycle.ts';
import { turn } from '../../support/manual-clock.ts';

/** Whether it is idle by now. */
async function isIdle(lifecycle: Lifecycle): Promise<boolean> {
  let idle = false;
  void lifecycle.whenIdle().then(() => {
    idle = true;
  });
  await turn();
  return idle;
}

test('drains from the moment it is told to', () => {
  const lifecycle = new Lifecycle();
  expect(lifecycle.isDraining).toBe(false);
  lifecycle.startDraining();
  lifecycle.startDraining();
  expect(lifecycle.isDraining).toBe(true);
});

test('is idle while nothing is under way', async () => {
  const lifecycle = new Lifecycle();
  expect(await isIdle(lifecycle)).toBe(true);
  const end = lifecycle.beginWork();
  expect(await isIdle(lifecycle)).toBe(false);
  end();
  expect(await isIdle(lifecycle)).toBe(true);
});

test('tells everybody who waits when the last of the work has ended', async () => {
  const lifecycle = new Lifecycle();
  const [one, two] = [lifecycle.beginWork(), lifecycle.beginWork()];
  const told: string[] = [];
  void lifecycle.whenIdle().then(() => told.push('a'));
  void lifecycle.whenIdle().then(() => told.push('b'));
  one();
  // Saying it twice does not end the other one.
  one();
  await turn();
  expect(told).toEqual([]);
  two();
  await turn();
  expect(told).toEqual(['a', 'b']);
});
