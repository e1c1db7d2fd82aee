import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { utf8Bytes } from '@threadwire/protocol';
import { withinBytes } from '../../../server/src/threads/within-bytes.ts';

test('takes items from the front up to the limit, counted in bytes of JSON', () => {
  // With its quotes each takes four bytes; the last one six.
  const items = ['ab', 'é', 'cd', 'é€'];
  expect(withinBytes(items, 12)).toEqual(['ab', 'é', 'cd']);
  expect(withinBytes(items, 11)).toEqual(['ab', 'é']);
  expect(withinBytes(items, 1000)).toEqual(items);
});

test('takes at least one item where there is one', () => {
  expect(withinBytes(['far too long'], 3)).toEqual(['far too long']);
  expect(withinBytes(['far too long', 'a'], 3)).toEqual(['far too long']);
  expect(withinBytes([], 3)).toEqual([]);
});

test('does not skip an item for the sake of a smaller one behind it', () => {
  expect(withinBytes(['a', 'far too long', 'b'], 8)).toEqual(['a']);
});

test('takes as many as fit and not one more', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' })), fc.nat(200), (items, maxBytes) => {
      const sizeOf = (some: readonly string[]) => some.reduce((sum, item) => sum + utf8Bytes(JSON.stringify(item)), 0);
      const taken = withinBytes(items, maxBytes);
      expect(taken).toEqual(items.slice(0, taken.length));
      if (taken.length > 1) expect(sizeOf(taken)).toBeLessThanOrEqual(maxBytes);
      if (taken.length < items.length) {
        expect(taken.length).toBeGreaterThan(0);
        expect(sizeOf(items.slice(0, taken.length + 1))).toBeGreaterThan(maxBytes);
      }
    }),
  );
});
