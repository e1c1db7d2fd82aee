import { describe, expect, test } from '@jest/globals';
import { LoginLimits } from '../../../../server/src/admin/login-limits.ts';
import { upTo } from '../../../support/store-ops.ts';

const minuteMs = 60_000;

function setUp() {
  let now = 1_000_000;
  const limits = new LoginLimits(() => now);
  return {
    limits,
    advance: (ms: number) => (now += ms),
    /** Tries to log in, and says how long one has to wait instead. */
    attempt: (address: string, isRight: boolean | undefined): number => {
      const toldMs = limits.waitFor(address);
      const waitMs = limits.begin(address);
      expect(waitMs).toBe(toldMs);
      if (waitMs === 0) limits.ended(address, isRight);
      return waitMs;
    },
  };
}

test('five wrong logins lock an address out for a quarter of an hour, and no other', () => {
  const { attempt, advance } = setUp();
  for (let i = 0; i < 5; i++) expect(attempt('10.0.0.1', false)).toBe(0);
  expect(attempt('10.0.0.1', true)).toBe(15 * minuteMs);
  advance(5 * minuteMs);
  expect(attempt('10.0.0.1', true)).toBe(10 * minuteMs);
  expect(attempt('10.0.0.2', true)).toBe(0);
  advance(10 * minuteMs);
  expect(attempt('10.0.0.1', true)).toBe(0);
});

test('a right login forgets the wrong ones before it; so does time', () => {
  const { attempt, advance } = setUp();
  for (let i = 0; i < 3; i++) {
    for (let j = 0; j < 4; j++) expect(attempt('10.0.0.1', false)).toBe(0);
    expect(attempt('10.0.0.1', true)).toBe(0);
  }
  for (let i = 0; i < 4; i++) attempt('10.0.0.1', false);
  advance(15 * minuteMs);
  for (let i = 0; i < 4; i++) expect(attempt('10.0.0.1', false)).toBe(0);
});

test('what could not be checked counts as neither', () => {
  const { attempt, advance } = setUp();
  for (let i = 0; i < 10; i++) {
    expect(attempt('10.0.0.1', undefined)).toBe(0);
    advance(1000);
  }
  expect(attempt('10.0.0.1', true)).toBe(0);
});

test('an address has one login checked at a time', () => {
  const { limits } = setUp();
  expect(limits.begin('10.0.0.1')).toBe(0);
  expect(limits.begin('10.0.0.1')).toBeGreaterThan(0);
  limits.ended('10.0.0.1', false);
  expect(limits.begin('10.0.0.1')).toBe(0);
});

describe('many strangers together', () => {
  test('have one login in ten seconds checked, after ten at once', () => {
    const { attempt, advance } = setUp();
    const waits = upTo(100).map((n) => attempt(`10.0.1.${n}`, false));
    expect(waits.filter((ms) => ms === 0)).toHaveLength(10);
    expect(Math.max(...waits)).toBe(10_000);
    advance(30_000);
    expect(upTo(10).filter((n) => attempt(`10.0.2.${n}`, false) === 0)).toHaveLength(3);
  });

  test('do not keep out who has logged in from a place before', () => {
    const { attempt } = setUp();
    expect(attempt('10.0.0.1', true)).toBe(0);
    for (const n of upTo(200)) attempt(`10.0.1.${n}`, false);
    expect(attempt('10.0.0.9', true)).toBeGreaterThan(0);
    expect(attempt('10.0.0.1', true)).toBe(0);
  });
});

test.each([
  ['2001:db8:0:1::1', '2001:db8:0:1:ffff:ffff:ffff:ffff', true],
  ['2001:db8:0:1::1', '2001:0db8:0000:0001::2', true],
  ['2001:db8::1', '2001:db8:0:0:5::', true],
  ['2001:db8:0:1::1', '2001:db8:0:2::1', false],
  ['::ffff:10.0.0.1', '10.0.0.1', true],
  ['10.0.0.1', '10.0.0.2', false],
  ['::1', '::1', true],
  ['fe80::1%eth0', 'fe80::2%eth1', true],
])('%s and %s are one address: %s', (one, other, isSame) => {
  const { attempt } = setUp();
  for (let i = 0; i < 5; i++) attempt(one, false);
  expect(attempt(other, true) > 0).toBe(isSame);
});

test('a flood from more addresses than are kept forgets neither who was right nor who is locked out', () => {
  const limits = new LoginLimits(() => 1_000_000);
  expect(limits.begin('10.0.0.1')).toBe(0);
  limits.ended('10.0.0.1', true);
  for (let i = 0; i < 5; i++) {
    expect(limits.begin('10.0.0.2')).toBe(0);
    limits.ended('10.0.0.2', false);
  }
  // A customer with a /48 has more networks of 64 bits than there is room for.
  for (const n of upTo(20_000)) limits.begin(`2001:db8:0:${n.toString(16)}::1`);
  expect(limits.begin('10.0.0.1')).toBe(0);
  expect(limits.begin('10.0.0.2')).toBeGreaterThan(60_000);
});
