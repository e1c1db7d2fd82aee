import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { backoffMs } from '../../../client-sdk/src/backoff.ts';

const options = { baseMs: 500, maxMs: 20_000 };
const least = () => 0;
const most = () => 1 - Number.EPSILON;

describe('the pause before an attempt', () => {
  test('is anywhere between nothing and a limit', () => {
    expect(backoffMs(0, options, least)).toBe(0);
    expect(backoffMs(0, options, () => 0.5)).toBe(250);
    expect(backoffMs(0, options, most)).toBe(499);
    expect(backoffMs(7, options, least)).toBe(0);
  });

  test('has a limit that doubles with each attempt, up to the longest', () => {
    const limits = [0, 1, 2, 3, 4, 5, 6, 7].map((attempt) => backoffMs(attempt, options, most) + 1);
    expect(limits).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 20_000, 20_000]);
  });

  test('keeps its limit after any number of attempts', () => {
    for (const attempt of [30, 31, 1024, Number.MAX_SAFE_INTEGER]) {
      expect(backoffMs(attempt, options, most)).toBe(19_999);
    }
  });

  test('jitters over the whole range at the longest too: nobody comes back at the same instant as everybody', () => {
    const pauses = Array.from({ length: 1000 }, (_, i) => backoffMs(20, options, () => i / 1000));
    expect(new Set(pauses).size).toBe(1000);
    for (const tenth of Array(10).keys()) {
      expect(pauses.filter((ms) => Math.floor(ms / 2000) === tenth)).toHaveLength(100);
    }
  });

  test('is a whole number of milliseconds, never below 0 and never the limit or above', () => {
    const anyOptions = fc.record({
      baseMs: fc.integer({ min: 1, max: 10_000 }),
      maxMs: fc.integer({ min: 1, max: 1e6 }),
    });
    const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(fc.nat(), anyOptions, chance, (attempt, { baseMs, maxMs }, random) => {
        const ms = backoffMs(attempt, { baseMs, maxMs }, () => random);
        expect(Number.isInteger(ms)).toBe(true);
        expect(ms).toBeGreaterThanOrEqual(0);
        expect(ms).toBeLessThan(Math.min(maxMs, baseMs * 2 ** attempt));
      }),
    );
  });
});
