import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { TokenBucket } from '../../../server/src/connection/token-bucket.ts';

describe('a token bucket', () => {
  test('gives its burst at once, then says how long to wait', () => {
    const bucket = new TokenBucket(10, 3, 1000);
    expect([1, 2, 3, 4].map(() => bucket.take(1, 1000))).toEqual([0, 0, 0, 100]);
    expect(bucket.take(1, 1030)).toBe(70);
    expect(bucket.take(1, 1099)).toBe(1);
    expect(bucket.take(1, 1100)).toBe(0);
    expect(bucket.take(1, 1100)).toBe(100);
  });

  test('takes nothing where it refuses', () => {
    const bucket = new TokenBucket(10, 1, 0);
    bucket.take(1, 0);
    for (let i = 0; i < 100; i++) expect(bucket.take(1, 0)).toBe(100);
    expect(bucket.take(1, 100)).toBe(0);
  });

  test('saves up no more than its burst', () => {
    const bucket = new TokenBucket(10, 3, 0);
    expect([1, 2, 3, 4].map(() => bucket.take(1, 3_600_000))).toEqual([0, 0, 0, 100]);
  });

  test('lets more than a burst through when it is full, and has it paid off afterwards', () => {
    const bucket = new TokenBucket(10, 5, 0);
    bucket.take(1, 0);
    expect(bucket.take(20, 0)).toBe(100);
    expect(bucket.take(20, 100)).toBe(0);
    expect(bucket.take(1, 100)).toBe(1600);
    expect(bucket.take(1, 1700)).toBe(0);
  });

  test('without a rate has no limit', () => {
    const bucket = new TokenBucket(0, 0, 0);
    for (let i = 0; i < 1000; i++) expect(bucket.take(1_000_000, 0)).toBe(0);
  });

  test('gives nothing for a clock that goes backwards', () => {
    const bucket = new TokenBucket(10, 1, 10_000);
    expect(bucket.take(1, 10_000)).toBe(0);
    expect(bucket.take(1, 9000)).toBe(100);
  });

  test('never gives more than its burst and its rate, and always keeps its word about the wait', () => {
    const steps = fc.array(fc.tuple(fc.nat(500), fc.integer({ min: 1, max: 5 })), { maxLength: 60 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 5, max: 50 }), steps, (rate, burst, takes) => {
        const bucket = new TokenBucket(rate, burst, 0);
        let now = 0;
        let taken = 0;
        for (const [pauseMs, count] of takes) {
          now += pauseMs;
          const waitMs = bucket.take(count, now);
          if (waitMs > 0) {
            now += waitMs;
            expect(bucket.take(count, now)).toBe(0);
          }
          taken += count;
          expect(taken).toBeLessThanOrEqual(burst + (now * rate) / 1000);
        }
      }),
    );
  });
});
