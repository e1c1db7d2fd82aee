import { expect, test } from '@jest/globals';
import { verify } from '@node-rs/argon2';
import { hashPassword, isArgon2idHash } from '../../../../server/src/admin/operator-account.ts';

const salt = 'c29tZXNhbHRzb21l';
const output = 'YWJjZGVmZ2hpamtsbW5vcA';
const written = (costs: string, rest = `${salt}$${output}`) => `$argon2id$v=19$${costs}$${rest}`;

test.each([
  ['no pass', written('m=19456,t=0,p=1')],
  ['no lane', written('m=19456,t=2,p=0')],
  ['less memory than its lanes need', written('m=15,t=2,p=2')],
  ['a number that is not written so', written('m=19456,t=02,p=1')],
  ['a salt that lost a character', written('m=19456,t=2,p=1', `${salt.slice(0, -3)}$${output}`)],
  ['an output that lost a character', written('m=19456,t=2,p=1', `${salt}$${output.slice(0, -1)}`)],
])('what has %s is no hash that a login could be compared with', async (_what, hash) => {
  await expect(verify(hash, 'password')).rejects.toThrow();
  expect(isArgon2idHash(hash)).toBe(false);
});

test.each([
  ['the least memory', written('m=8,t=1,p=1')],
  ['several lanes', written('m=64,t=1,p=4')],
  ['the longest salt', written('m=8,t=1,p=1', `${'A'.repeat(86)}$${output}`)],
])('one with %s is', async (_what, hash) => {
  expect(await verify(hash, 'password')).toBe(false);
  expect(isArgon2idHash(hash)).toBe(true);
});

test('one that is made here is', async () => {
  expect(isArgon2idHash(await hashPassword('password'))).toBe(true);
});
