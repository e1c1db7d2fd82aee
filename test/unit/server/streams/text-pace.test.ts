import { expect, test } from '@jest/globals';
import { TextPace } from '../../../../server/src/streams/text-pace.ts';

test('is that of the last seconds, not of all the time before', () => {
  const pace = new TextPace(0, 0);
  expect([pace.firstAt, pace.lastAt, pace.perSecond(0)]).toEqual([undefined, undefined, 0]);
  let length = 0;
  for (let at = 100; at <= 60_000; at += 100) pace.grown((length += 1), at);
  expect(pace.perSecond(60_000)).toBeCloseTo(10);
  for (let at = 60_100; at <= 75_000; at += 100) pace.grown((length += 10), at);
  expect(pace.perSecond(75_000)).toBeCloseTo(100);
  expect([pace.firstAt, pace.lastAt]).toEqual([100, 75_000]);
});

test('falls while nothing comes, and is 0 after five seconds', () => {
  const pace = new TextPace(1000, 0);
  for (let at = 100; at <= 4000; at += 100) pace.grown(1000 + at / 10, at);
  expect(pace.perSecond(4000)).toBeCloseTo(100);
  expect(pace.perSecond(8000)).toBeCloseTo(50);
  expect(pace.perSecond(9001)).toBe(0);
});

test('begins anew after a silence', () => {
  const pace = new TextPace(0, 0);
  pace.grown(10, 1000);
  pace.grown(20, 601_000);
  for (let at = 601_100; at <= 612_000; at += 100) pace.grown(20 + (at - 601_000) / 10, at);
  expect(pace.perSecond(612_000)).toBeCloseTo(100);
});
