import { expect, test } from '@jest/globals';
import { NodeActivity } from '../../../../server/src/admin/console/node-activity.ts';
import { Metrics } from '../../../../server/src/metrics.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { upTo } from '../../../support/store-ops.ts';

function setUp() {
  // At the start of a minute.
  const clock = new ManualClock(Date.parse('2026-01-15T09:30:00.000Z'));
  const metrics = new Metrics();
  const activity = new NodeActivity({ now: clock.now, schedule: clock.schedule, totals: () => metrics.totals() });
  return { clock, metrics, activity };
}

test('a sample is taken every five seconds, and kept for an hour', async () => {
  const { clock, activity, metrics } = setUp();
  activity.start();
  const first = clock.now();
  metrics.slowConsumer();
  await clock.advance(10_000);
  const samples = activity.samplesAfter(0);
  expect(samples.map(({ at }) => at - first)).toEqual([0, 5000, 10_000]);
  expect(samples.map(({ slow_consumers: slow }) => slow)).toEqual([0, 1, 1]);
  expect(activity.samplesAfter(first + 5000)).toHaveLength(1);
  await clock.advance(2 * 60 * 60 * 1000);
  const later = activity.samplesAfter(0);
  expect([later.length, later.at(-1)!.at - later[0]!.at]).toEqual([720, 719 * 5000]);
  activity.stop();
  await clock.advance(60_000);
  expect(clock.pending).toEqual([]);
  metrics.close();
});

test('a thread has the changes of the last minute, more or less', async () => {
  const { clock, activity, metrics } = setUp();
  for (let i = 0; i < 60; i++) activity.committed({ threadId: 'busy' });
  activity.committed({ threadId: 'other' });
  expect([activity.perMinute('busy'), activity.perMinute('other'), activity.perMinute('none')]).toEqual([60, 1, 0]);
  await clock.advance(90_000);
  expect(activity.perMinute('busy')).toBe(30);
  activity.committed({ threadId: 'busy' });
  expect(activity.perMinute('busy')).toBe(31);
  await clock.advance(120_000);
  expect(activity.perMinute('busy')).toBe(0);
  metrics.close();
});

test('of very many threads those that were quiet for longest are forgotten', () => {
  const { activity, metrics } = setUp();
  for (const n of upTo(10_005)) activity.committed({ threadId: `t${n}` });
  expect([5, 6, 10_005].map((n) => activity.perMinute(`t${n}`))).toEqual([0, 1, 1]);
  metrics.close();
});

test('connections that were closed as slow are counted among the errors, which nobody was given', () => {
  const { activity, metrics } = setUp();
  metrics.slowConsumer();
  metrics.slowConsumer();
  metrics.refused('forbidden');
  expect(activity.refusals.counts).toMatchObject({ slow_consumer: 2, forbidden: 1, internal: 0 });
  metrics.close();
});

test('the last refusals are kept, the newest first', () => {
  const { activity, clock, metrics } = setUp();
  for (const n of upTo(205)) {
    activity.refused({ code: 'forbidden', request: `r${n}`, user_id: null, client_id: null, message: '' });
  }
  const { recent } = activity.refusals;
  expect(recent).toHaveLength(200);
  expect([recent[0], recent.at(-1)]).toMatchObject([
    { number: 205, request: 'r205', at: clock.now() },
    { number: 6, request: 'r6' },
  ]);
  metrics.close();
});
