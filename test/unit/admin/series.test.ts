import { describe, expect, test } from '@jest/globals';
import type { Sample } from '../../../admin/src/connection/protocol.ts';
import { areaPath, linePath } from '../../../admin/src/plot/path.ts';
import { niceByteTop, niceTop } from '../../../admin/src/plot/scale.ts';
import {
  gaugePoints,
  highest,
  joinedPoints,
  latest,
  ratePoints,
  total,
  valueNear,
} from '../../../admin/src/plot/series.ts';
import { sampleOf } from './sample-of.ts';

const stepMs = 5000;
const messages = (sample: Sample): number => sample.messages;

function counted(...values: readonly (readonly [at: number, messages: number])[]): Sample[] {
  return values.map(([at, messages]) => sampleOf({ at, messages }));
}

describe('a counter', () => {
  test('becomes how much it rose per second', () => {
    expect(ratePoints(counted([0, 10], [5000, 20], [10_000, 20]), messages, stepMs)).toEqual([
      { at: 5000, value: 2 },
      { at: 10_000, value: 0 },
    ]);
  });

  test('that fell began anew: its rate is not known, and never below zero', () => {
    const points = ratePoints(counted([0, 500], [5000, 3], [10_000, 13]), messages, stepMs);
    expect(points.map(({ value }) => value)).toEqual([null, 2]);
  });

  test('has no rate over a gap', () => {
    const points = ratePoints(counted([0, 0], [60_000, 600], [65_000, 605]), messages, stepMs);
    expect(points.map(({ value }) => value)).toEqual([null, 1]);
  });
});

test('a gap between samples breaks the line', () => {
  const points = gaugePoints(counted([0, 1], [5000, 2], [60_000, 3]), messages, stepMs);
  expect(points).toEqual([
    { at: 0, value: 1 },
    { at: 5000, value: 2 },
    { at: 10_000, value: null },
    { at: 60_000, value: 3 },
  ]);
  const frame = { from: 0, to: 60_000, top: 3 };
  expect(linePath(points, frame).match(/M/g)).toHaveLength(2);
  expect(areaPath(points, frame).match(/Z/g)).toHaveLength(2);
});

describe('several nodes', () => {
  const a = [
    { at: 1000, value: 1 },
    { at: 6000, value: 2 },
    { at: 11_000, value: 3 },
  ];
  const b = [
    { at: 3000, value: 10 },
    { at: 8000, value: 20 },
    { at: 13_000, value: 30 },
  ];

  test('are added up, though they sample at different moments', () => {
    expect(joinedPoints([a, b], total, stepMs).map(({ value }) => value)).toEqual([12, 23, 33]);
    expect(joinedPoints([a, b], highest, stepMs).map(({ value }) => value)).toEqual([10, 20, 30]);
  });

  test('of which one is gone are what the others are', () => {
    const long = [...a, { at: 16_000, value: 4 }, { at: 21_000, value: 5 }, { at: 26_000, value: 6 }];
    expect(joinedPoints([long, b.slice(0, 1)], total, stepMs).at(-1)).toEqual({ at: 26_000, value: 6 });
  });

  test('of which one only has anything are as that one', () => {
    expect(joinedPoints([[], a], total, stepMs)).toEqual(a);
    expect(joinedPoints([], total, stepMs)).toEqual([]);
  });
});

test('what is near a moment is found; what is far is not', () => {
  const points = [
    { at: 0, value: 1 },
    { at: 5000, value: 2 },
    { at: 60_000, value: 3 },
  ];
  expect(valueNear(points, 3000, stepMs)).toEqual({ at: 5000, value: 2 });
  expect(valueNear(points, 30_000, stepMs)).toBeUndefined();
  expect(valueNear([], 0, stepMs)).toBeUndefined();
  expect(latest(points)).toBe(3);
  expect(latest([])).toBeNull();
});

test.each([
  [0, 0, 1],
  [0, 10, 10],
  [11, 10, 20],
  [100, 10, 100],
  [101, 10, 200],
  [0.3, 0, 0.3],
])('the axis for %p, at least %p, ends at %p', (highest, least, top) => {
  expect(niceTop(highest, least)).toBeCloseTo(top);
});

test('an axis of bytes ends at a power of two', () => {
  expect(niceByteTop(3000, 0)).toBe(4096);
  expect(niceByteTop(0, 65_536)).toBe(65_536);
  expect(niceByteTop(1024 ** 3 - 1, 0)).toBe(1024 ** 3);
});
