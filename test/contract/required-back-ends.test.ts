import { describe, expect, test } from '@jest/globals';
import { requirements } from '../support/requirements.cjs';

/** What this run must not do without: names, separated by commas. Empty on a developer's machine, everything in CI. */
const required = (process.env['THREADWIRE_REQUIRE'] ?? '').split(',').filter((name) => name !== '');

describe('the back ends that THREADWIRE_REQUIRE names', () => {
  test('have names that are known', () => {
    expect(Object.keys(requirements)).toEqual(expect.arrayContaining(required));
  });

  for (const [name, { title, missing }] of Object.entries(requirements)) {
    test(`${title} can run, or is not required`, () => {
      expect({ name, missing: required.includes(name) ? missing() : undefined }).toEqual({ name, missing: undefined });
    });
  }
});
