import { describe, expect, test } from '@jest/globals';
import { connectAuthSchema } from '@threadwire/protocol';
import { bottomless, replaced, valuesIn } from './payloads.ts';

const auth = { token: 'a.b.c', user: 'ada', client: { name: 'helpdesk', version: '3.2.0' }, protocol_version: 1 };

function accepts(value: unknown): boolean {
  return connectAuthSchema.safeParse(value).success;
}

describe('the auth object', () => {
  test('may be empty, and each of its fields left out', () => {
    expect(accepts(auth)).toBe(true);
    expect(accepts({})).toBe(true);
  });

  test('is strict, also inside `client`', () => {
    expect(accepts({ ...auth, tokens: 'x' })).toBe(false);
    expect(accepts({ ...auth, client: { ...auth.client, os: 'x' } })).toBe(false);
    expect(accepts({ ...auth, client: { name: 'helpdesk' } })).toBe(false);
    expect(accepts(JSON.parse('{"__proto__":{"token":"x"}}'))).toBe(false);
  });

  test('takes another version, which is told apart from a malformed one', () => {
    expect(accepts({ protocol_version: 2 })).toBe(true);
    expect(accepts({ protocol_version: '1' })).toBe(false);
    expect(accepts({ protocol_version: 1.5 })).toBe(false);
  });

  test('refuses U+0000, lone surrogates, null and bottomless nesting in each field', () => {
    const deep = bottomless();
    for (const { path, value } of valuesIn(auth)) {
      const faults = typeof value === 'string' ? ['a\0', '\uD800', 'a\uDC00', null, deep] : [null, deep];
      for (const fault of faults) expect(accepts(replaced<unknown>(auth, path, fault))).toBe(false);
    }
  });

  test.each([null, [], 'token', 1, true])('is not %j', (value) => {
    expect(accepts(value)).toBe(false);
  });
});
