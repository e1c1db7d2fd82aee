import { expect, test } from '@jest/globals';
import { LoginLimits } from '../server/src/admin/login-limits.ts';
import { upTo } from './support/store-ops.ts';

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
